import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, type Host, Lab } from '@selvedge/lab'
import { Agent, type AgentOptions } from '../agent.js'
import { STORES, type StoreName } from './server.js'
import type { StoreServer } from './types.js'

const CLIENT = fileURLToPath(new URL('client-program.js', import.meta.url))

/** A store with so many leases on a lab's switch, and a host whose agent uses it. */
export class StoreNetwork {
  /** The store's name and version. */
  readonly title: string
  readonly host: Host
  /** For the files of the agent. */
  readonly directory: string
  readonly #name: StoreName
  readonly #lab: Lab
  readonly #server: StoreServer

  /** @param index of the host */
  static async start(lab: Lab, index: number, name: StoreName, peers: number): Promise<StoreNetwork> {
    const directory = join(lab.directory, name)
    await mkdir(directory)
    const network = new StoreNetwork(lab, index, name, await STORES[name](lab))
    await network.#run('load', peers)
    return network
  }

  private constructor(lab: Lab, index: number, name: StoreName, server: StoreServer) {
    this.title = server.title
    this.host = lab.host(index)
    this.directory = join(lab.directory, name)
    this.#name = name
    this.#lab = lab
    this.#server = server
  }

  /** Starts `client-program.ts`, to be signalled while it runs. */
  startClient(command: string, argument = 0): Child {
    const args = [CLIENT, this.#name, command, String(argument)]
    return this.#lab.switch.spawn(process.execPath, args)
  }

  startAgent({ flags = [], ...options }: Partial<AgentOptions> = {}): Agent {
    const own = [...this.#server.flags, '-iface=eth0', ...flags]
    return Agent.start(this.host, this.directory, { ...options, flags: own })
  }

  /** Deletes the lease of an agent that has stopped. */
  async forgetAgent(): Promise<void> {
    await this.#run('forget')
  }

  async #run(command: string, argument = 0): Promise<void> {
    const args = [CLIENT, this.#name, command, String(argument)]
    await this.#lab.switch.exec(process.execPath, args, { timeoutMs: 300_000 })
  }
}

/** Stores on one switch, each with so many leases and a host of its own. */
export class StoreLab implements AsyncDisposable {
  readonly networks: readonly StoreNetwork[]
  readonly #lab: Lab

  static async create(names: readonly StoreName[], peers: number, signal: AbortSignal): Promise<StoreLab> {
    const lab = await Lab.create({ hosts: names.length, signal })
    try {
      const networks: StoreNetwork[] = []
      for (const [index, name] of names.entries()) {
        networks.push(await StoreNetwork.start(lab, index, name, peers))
      }
      return new StoreLab(lab, networks)
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(lab: Lab, networks: readonly StoreNetwork[]) {
    this.#lab = lab
    this.networks = networks
  }

  /** The network of the first store. */
  get network(): StoreNetwork {
    const [network] = this.networks
    if (network === undefined) throw new TypeError('a lab of stores has at least one')
    return network
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab[Symbol.asyncDispose]()
  }
}
