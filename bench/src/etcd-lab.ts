import { fileURLToPath } from 'node:url'
import { type Child, type Host, Lab, until } from '@selvedge/lab'
import { Agent, type AgentOptions } from './agent.js'

const CLIENT = fileURLToPath(new URL('etcd-client.js', import.meta.url))

/** The address of the lab's switch, and of etcd on it. */
export const ENDPOINT = 'http://192.168.77.254:2379'

/** A host on a switch, and an etcd on the switch that holds so many leases. */
export class EtcdLab implements AsyncDisposable {
  readonly host: Host
  readonly #lab: Lab

  private constructor(lab: Lab) {
    this.#lab = lab
    this.host = lab.host(0)
  }

  static async create(peers: number, signal: AbortSignal): Promise<EtcdLab> {
    const lab = await Lab.create({ hosts: 1, signal })
    try {
      await startEtcd(lab)
      const made = new EtcdLab(lab)
      await made.client('load', peers)
      return made
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Runs `etcd-client.ts`, and returns what it prints. */
  async client<T>(command: string, argument?: number): Promise<T> {
    const args = [CLIENT, ENDPOINT, command, ...(argument === undefined ? [] : [String(argument)])]
    const output = await this.#lab.switch.exec(process.execPath, args, { timeoutMs: 300_000 })
    return JSON.parse(output || 'null') as T
  }

  /** The same, to be signalled while it runs. */
  startClient(command: string, argument: number): Child {
    return this.#lab.switch.spawn(process.execPath, [CLIENT, ENDPOINT, command, String(argument)])
  }

  startAgent({ flags = [], ...options }: Partial<AgentOptions> = {}): Agent {
    const own = [`-etcd-endpoints=${ENDPOINT}`, '-iface=eth0', ...flags]
    return Agent.start(this.host, this.#lab.directory, { ...options, flags: own })
  }

  get directory(): string {
    return this.#lab.directory
  }

  /** Deletes the lease of an agent that has stopped. */
  async forgetAgent(): Promise<void> {
    await this.client('forget')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab[Symbol.asyncDispose]()
  }
}

/** Starts an etcd on the switch, and waits until it answers. */
export async function startEtcd({ directory, switch: network }: Lab): Promise<void> {
  const etcd = network.spawn('etcd', [
    ...[
      '--data-dir',
      `${directory}/etcd`,
      '--listen-client-urls',
      ENDPOINT,
      '--advertise-client-urls',
      ENDPOINT,
    ],
    ...['--listen-peer-urls', 'http://127.0.0.1:2380', '--log-level', 'error'],
  ])
  etcd.stdout.resume()
  etcd.stderr.resume()
  await until('etcd to answer', async () => {
    if (etcd.exitCode !== null) throw new Error(`etcd ended with status ${etcd.exitCode}`)
    const answer = network.exec('sh', ['-c', `ETCDCTL_API=3 etcdctl --endpoints ${ENDPOINT} endpoint health`])
    return answer.then(() => true).catch(() => undefined)
  })
}
