import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, type Namespace, until } from '@selvedge/lab'
import { type RunSelvedge, selvedgeIn } from './cli/selvedge.js'

/** The program: the one on the PATH, or another version for the same tests. */
export const NATS_SERVER = process.env.SELVEDGE_TEST_NATS ?? 'nats-server'
const CLIENT_PORT = 4222

/** A nats-server with JetStream on one address of a namespace, with its data in a folder: it can be killed and started again. */
export class Nats {
  /** For `--nats-servers`. */
  readonly url: string
  readonly #namespace: Namespace
  readonly #address: string
  readonly #folder: string
  #process: Child | undefined

  constructor(namespace: Namespace, address: string, folder: string) {
    this.#namespace = namespace
    this.#address = address
    this.#folder = join(folder, 'nats')
    this.url = `nats://${address}:${CLIENT_PORT}`
  }

  /** The flags that name it. */
  get flags(): readonly string[] {
    return [`--nats-servers=${this.url}`]
  }

  /** `selvedge`, as an operator runs it beside the server. */
  get selvedge(): RunSelvedge {
    return selvedgeIn(this.#namespace, this.flags)
  }

  /** In the server's own syntax: JetStream, with the data that it had. */
  get #jetStream(): string {
    return `jetstream { store_dir: "${this.#folder}" }`
  }

  /** Starts it again with its data, and with more in its configuration, such as who may connect. */
  async restrict(config: string): Promise<void> {
    await this.kill()
    await this.start(`${this.#jetStream}\n${config}`)
  }

  /** Resolves once it is ready. @param config in the server's own syntax, instead of JetStream with its data */
  async start(config = this.#jetStream): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const file = join(this.#folder, 'server.conf')
    await writeFile(file, `listen: "${this.#address}:${CLIENT_PORT}"\n${config}\n`)
    await this.startWith(file)
  }

  /** Starts it by a configuration file of your own, which says where it listens. */
  async startWith(file: string): Promise<void> {
    const server = this.#namespace.spawn(NATS_SERVER, ['-c', file])
    this.#process = server
    let said = ''
    server.stderr.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-4_000)
    })
    server.stdout.resume()
    await until(`nats-server at ${this.#address} to be ready`, () => {
      if (server.exitCode !== null) {
        const hint = /No such file/.test(said) ? '; install it: apt-get install -y nats-server' : ''
        throw new Error(`nats-server ended${hint}: ${said}`)
      }
      return said.includes('Server is ready') || undefined
    })
  }

  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    const server = this.#process
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'close')
    server.kill('SIGKILL')
    await ended
  }

  /** Ends it, and starts it without its data. */
  async wipe(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true })
    await this.start()
  }

  /** Writes the network config, as an operator does. */
  async setConfig(config: object): Promise<void> {
    const file = join(this.#folder, 'net-conf.json')
    await writeFile(file, JSON.stringify(config))
    const { status, stderr } = await this.selvedge('config', 'set', file, '--force')
    if (status !== 0) throw new Error(`selvedge config set: ${stderr}`)
  }

  /** The keys of all leases, sorted, each with the address of its node. */
  async leases(): Promise<ReadonlyMap<string, string>> {
    const { stdout, stderr } = await this.selvedge('leases', 'list', '--json')
    if (stdout === '') throw new Error(stderr)
    const { leases }: { leases: { key: string; publicIp: string }[] } = JSON.parse(stdout)
    return new Map(leases.map(({ key, publicIp }) => [key, publicIp]))
  }
}
