import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '@selvedge/lab'

export interface NatsOptions {
  /** Added to the server's configuration, in its own syntax. */
  readonly config?: string
  /** The address at which it listens for clients. Default: 127.0.0.1. */
  readonly host?: string
  /** Its JetStream domain. Default: none. */
  readonly domain?: string
}

/** The program: the one on the PATH, or another version for the same tests. */
export const NATS_SERVER = process.env.SELVEDGE_TEST_NATS ?? 'nats-server'

/** How long a server may take to start, and a cluster to find its leader, in ms: a second when the machine is idle. */
const START_TIMEOUT = 30_000

interface Place {
  readonly name: string
  readonly client: number
  readonly cluster: number
  readonly monitor: number
  readonly dataDir: string
}

/**
 * A real nats-server with JetStream on loopback: on random free ports, with a folder of its own, which is removed in the end.
 * It ends with this process, however that ends.
 */
export class NatsServer implements AsyncDisposable {
  /** Such as `nats://127.0.0.1:34222`. */
  readonly url: string
  readonly #place: Place
  /** In brackets if it is an IPv6 address. */
  readonly #host: string
  /** The cluster ports of all servers; one for a server alone. */
  readonly #cluster: readonly number[]
  readonly #options: NatsOptions
  #process: ChildProcess | undefined
  /** What a server that ended by itself said last. */
  #crash: string | undefined

  static async start(options: NatsOptions = {}): Promise<NatsServer> {
    const [server] = await NatsServer.startCluster(1, options)
    if (server === undefined) throw new TypeError('a cluster has at least one server')
    return server
  }

  /** The servers of one cluster, once JetStream has a leader. */
  static async startCluster(size: number, options: NatsOptions = {}): Promise<NatsServer[]> {
    const places = await Promise.all(Array.from({ length: size }, (_, index) => makePlace(`n${index}`)))
    const cluster = places.map(({ cluster }) => cluster)
    const servers = places.map((place) => new NatsServer(place, cluster, options))
    try {
      await Promise.all(servers.map((server) => server.restart()))
    } catch (error) {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()))
      throw error
    }
    return servers
  }

  private constructor(place: Place, cluster: readonly number[], options: NatsOptions) {
    this.#host = (options.host ?? '127.0.0.1').replace(/^.*:.*$/, '[$&]')
    this.url = `nats://${this.#host}:${place.client}`
    this.#place = place
    this.#cluster = cluster
    this.#options = options
  }

  get port(): number {
    return this.#place.client
  }

  get name(): string {
    return this.#place.name
  }

  /** Writes what it is to start with from now on, or, with `reload`, what it goes by at once. */
  async configure(config: string, reload = false): Promise<void> {
    await writeFile(this.#configFile, this.#configText(config))
    if (reload) this.#process?.kill('SIGHUP')
  }

  /** Starts it, with the data that it had; resolves once JetStream answers. */
  async restart(config = this.#options.config ?? ''): Promise<void> {
    await this.configure(config)
    // setpriv becomes nats-server, which the kernel kills when this process has ended.
    const server = spawn('setpriv', ['--pdeathsig', 'KILL', NATS_SERVER, '-c', this.#configFile], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = server
    let said = ''
    server.stderr.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-4_000)
    })
    const ended = once(server, 'exit').then(([code]) => {
      const hint = /No such file/.test(said) ? '; install it: apt-get install -y nats-server' : ''
      throw new Error(`nats-server ended with status ${code}${hint}: ${said}`)
    })
    ended.catch(() => {})
    await Promise.race([ended, this.#untilHealthy()])
    server.once('exit', () => {
      if (this.#process === server) this.#crash = said
    })
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const server = this.#process
    this.#process = undefined
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const gone = once(server, 'exit')
    server.kill('SIGKILL')
    await gone
  }

  /** Ends it, and starts it without its data. */
  async forget(): Promise<void> {
    await this.kill()
    await rm(join(this.#place.dataDir, 'data'), { recursive: true, force: true })
    await this.restart()
  }

  /** Stops it: connections stay open, and no request is answered. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Whether it leads the stream of this name. */
  async leads(stream: string): Promise<boolean> {
    const jsz = (await this.#get('jsz?accounts=true&streams=true')) as {
      account_details?: { stream_detail?: { name: string; cluster?: { leader?: string } }[] }[]
    }
    const streams = (jsz.account_details ?? []).flatMap(({ stream_detail = [] }) => stream_detail)
    return streams.some(({ name, cluster }) => name === stream && cluster?.leader === this.name)
  }

  /** Throws if the server had ended by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await rm(this.#place.dataDir, { recursive: true, force: true })
    if (this.#crash !== undefined) throw new Error(`nats-server crashed: ${this.#crash}`)
  }

  get #configFile(): string {
    return join(this.#place.dataDir, 'server.conf')
  }

  #configText(more: string): string {
    const { name, client, cluster, monitor, dataDir } = this.#place
    const { domain } = this.#options
    const routes = this.#cluster.filter((port) => port !== cluster).map((port) => `nats://127.0.0.1:${port}`)
    return [
      `server_name: ${name}`,
      `listen: "${this.#host}:${client}"`,
      `http: 127.0.0.1:${monitor}`,
      `jetstream { store_dir: "${join(dataDir, 'data')}"${domain === undefined ? '' : `, domain: ${domain}`} }`,
      routes.length === 0
        ? ''
        : `cluster { name: lab, listen: 127.0.0.1:${cluster}, routes: [${routes.join(', ')}] }`,
      more,
    ].join('\n')
  }

  async #untilHealthy(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT
    while (performance.now() < deadline) {
      try {
        const health = (await this.#get('healthz')) as { status?: string }
        const isLed =
          this.#cluster.length === 1 ||
          ((await this.#get('jsz')) as { meta_cluster?: { leader?: string } }).meta_cluster?.leader !==
            undefined
        if (health.status === 'ok' && isLed) return
      } catch {
        // It does not listen yet.
      }
      await sleep(20)
    }
    throw new Error(`nats-server at ${this.url} did not get ready within ${START_TIMEOUT / 1000} s`)
  }

  async #get(path: string): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.#place.monitor}/${path}`, {
      signal: AbortSignal.timeout(2_000),
    })
    return answer.json()
  }
}

async function makePlace(name: string): Promise<Place> {
  const [client, cluster, monitor] = await Promise.all([freePort(), freePort(), freePort()])
  return { name, client, cluster, monitor, dataDir: await mkdtemp(join(tmpdir(), 'selvedge-nats-')) }
}
