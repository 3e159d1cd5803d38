import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, type Namespace, until } from '@selvedge/lab'

const CLIENT_PORT = 2379
const PREFIX = '/coreos.com/network'
/** Of a transaction, by etcd's default. */
const MAX_OPERATIONS = 128

/** etcd on one address of a namespace, with its data in a folder: it can be killed and started again. */
export class Etcd {
  /** For `--etcd-endpoints`. */
  readonly endpoint: string
  readonly #namespace: Namespace
  readonly #address: string
  readonly #folder: string
  #process: Child | undefined

  constructor(namespace: Namespace, address: string, folder: string) {
    this.#namespace = namespace
    this.#address = address
    this.#folder = folder
    this.endpoint = `http://${address.includes(':') ? `[${address}]` : address}:${CLIENT_PORT}`
  }

  /** Ends it, and starts it without its data. */
  async wipe(): Promise<void> {
    await this.kill()
    await rm(join(this.#folder, 'etcd'), { recursive: true })
    await this.start()
  }

  /** Resolves once it answers. */
  async start(): Promise<void> {
    this.#process = this.#namespace.spawn('etcd', [
      `--data-dir=${join(this.#folder, 'etcd')}`,
      `--listen-client-urls=${this.endpoint}`,
      `--advertise-client-urls=${this.endpoint}`,
      '--listen-peer-urls=http://127.0.0.1:2380',
      '--unsafe-no-fsync',
      '--heartbeat-interval=50',
      '--election-timeout=250',
      '--logger=zap',
      '--log-level=error',
    ])
    let said = ''
    this.#process.stderr.setEncoding('utf8').on('data', (chunk) => {
      said += chunk
    })
    this.#process.stdout.resume()
    await until(`etcd at ${this.#address} to answer`, async () => {
      if (this.#process?.exitCode !== null) throw new Error(`etcd ended: ${said}`)
      return (await this.#ctl('get', '/').catch(() => undefined)) === undefined ? undefined : true
    })
  }

  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    const child = this.#process
    if (child === undefined) return
    const ended = once(child, 'close')
    child.kill('SIGKILL')
    await ended
  }

  /** It holds its connections and answers no more. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  putConfig(config: object, prefix = PREFIX): Promise<string> {
    return this.#ctl('put', `${prefix}/config`, JSON.stringify(config))
  }

  /** @param value of any size that etcd takes: an argument of a command is limited to 128 KiB, its input is not */
  put(key: string, value: string): Promise<string> {
    return this.#run(['put', `${PREFIX}/subnets/${key}`], value)
  }

  /** As flannel writes one: it ends after 24 hours. */
  async putWithTerm(key: string, value: string, termSeconds = 86_400): Promise<void> {
    const granted = await this.#grant(termSeconds)
    await this.#run(['put', `--lease=${granted}`, `${PREFIX}/subnets/${key}`], value)
  }

  /** As another program writes one, anywhere. */
  putAt(key: string, value: string): Promise<string> {
    return this.#run(['put', key], value)
  }

  /**
   * Puts many leases: reservations, or with `termSeconds` such as end by themselves, all with one etcd lease.
   */
  async putAll(leases: ReadonlyMap<string, string>, termSeconds?: number): Promise<void> {
    const flag = termSeconds === undefined ? '' : `--lease=${await this.#grant(termSeconds)} `
    const puts = [...leases].map(
      ([key, value]) => `put ${flag}${PREFIX}/subnets/${key} ${JSON.stringify(value)}`,
    )
    while (puts.length > 0) {
      // A transaction has no comparisons, its operations, and none for when a comparison fails.
      const input = `\n${puts.splice(0, MAX_OPERATIONS).join('\n')}\n\n\n`
      await this.#run(['txn'], input)
    }
  }

  /** Whether the key hangs on an etcd lease: without one it is a reservation. */
  async hasTerm(key: string): Promise<boolean> {
    const answer = JSON.parse(await this.#ctl('get', '-w', 'json', `${PREFIX}/subnets/${key}`))
    return answer.kvs[0].lease !== undefined
  }

  delete(key: string): Promise<string> {
    return this.#ctl('del', `${PREFIX}/subnets/${key}`)
  }

  deleteAll(): Promise<string> {
    return this.#ctl('del', '--prefix', `${PREFIX}/subnets/`)
  }

  /** From now on it answers only to root, by this password. */
  async enableAuth(user: 'root', password: string): Promise<void> {
    await this.#ctl('user', 'add', `${user}:${password}`)
    await this.#ctl('user', 'grant-role', user, 'root')
    await this.#ctl('auth', 'enable')
  }

  /** The keys of all leases, each with its value. */
  async leases(): Promise<Map<string, string>> {
    const lines = (await this.#ctl('get', '--prefix', `${PREFIX}/subnets/`)).trimEnd().split('\n')
    const leases = new Map<string, string>()
    for (let i = 0; i + 1 < lines.length; i += 2) {
      leases.set(lines[i]?.slice(`${PREFIX}/subnets/`.length) ?? '', lines[i + 1] ?? '')
    }
    return leases
  }

  async #grant(termSeconds: number): Promise<string> {
    const said = await this.#ctl('lease', 'grant', String(termSeconds))
    return /lease (\w+) granted/.exec(said)?.[1] ?? said
  }

  #ctl(...args: string[]): Promise<string> {
    return this.#run(args)
  }

  #run(args: readonly string[], input = ''): Promise<string> {
    const command = ['ETCDCTL_API=3', 'etcdctl', `--endpoints=${this.endpoint}`, ...args]
    return this.#namespace.exec('env', command, { input })
  }
}
