import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '@selvedge/lab'

export interface EtcdOptions {
  /** Added to etcd's command line. */
  readonly flags?: readonly string[]
  /** Paths of PEM files. With `ca`, clients must have a certificate that it has signed. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string }
}

/** The program: the one on the PATH, or another version for the same tests. */
export const ETCD = process.env.SELVEDGE_TEST_ETCD ?? 'etcd'
const REMEDY =
  ETCD === 'etcd' ? 'install it: apt-get install -y etcd-server' : 'download it: node scripts/etcd.mjs'

/** How long etcd may take to start and find its leader, in ms: a second when the machine is idle. */
const START_TIMEOUT = 30_000

/** The ports and the folder of one member, which it keeps over restarts. */
interface Place {
  readonly name: string
  readonly client: number
  readonly peer: number
  readonly metrics: number
  readonly dataDir: string
}

/**
 * A real etcd on loopback: on random free ports, with a folder of its own, which is removed in the end. It ends with this
 * process, however that ends.
 */
export class EtcdServer implements AsyncDisposable {
  /** Such as `http://127.0.0.1:32379`. */
  readonly endpoint: string
  readonly #place: Place
  readonly #cluster: string
  readonly #options: EtcdOptions
  #process: ChildProcess | undefined

  static async start(options: EtcdOptions = {}): Promise<EtcdServer> {
    const [server] = await EtcdServer.startCluster(1, options)
    if (server === undefined) throw new TypeError('a cluster has at least one member')
    return server
  }

  /** The members of one cluster, once it has a leader. */
  static async startCluster(size: number, options: EtcdOptions = {}): Promise<EtcdServer[]> {
    const places = await Promise.all(Array.from({ length: size }, (_, index) => makePlace(`m${index}`)))
    const cluster = places.map(({ name, peer }) => `${name}=http://127.0.0.1:${peer}`).join(',')
    const servers = places.map((place) => new EtcdServer(place, cluster, options))
    try {
      await Promise.all(servers.map((server) => server.restart()))
    } catch (error) {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()))
      throw error
    }
    return servers
  }

  private constructor(place: Place, cluster: string, options: EtcdOptions) {
    this.endpoint = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${place.client}`
    this.#place = place
    this.#cluster = cluster
    this.#options = options
  }

  get port(): number {
    return this.#place.client
  }

  /** Starts it, with the data that it had; resolves when it has a leader. */
  async restart(): Promise<void> {
    const { name, peer, metrics, dataDir } = this.#place
    const { tls, flags = [] } = this.#options
    const certificates =
      tls === undefined
        ? []
        : ['--cert-file', tls.cert, '--key-file', tls.key].concat(
            tls.ca === undefined ? [] : ['--client-cert-auth', '--trusted-ca-file', tls.ca],
          )
    const args = [
      ...['--name', name, '--data-dir', dataDir, '--logger', 'zap', '--log-level', 'error'],
      ...['--listen-client-urls', this.endpoint, '--advertise-client-urls', this.endpoint],
      ...['--listen-peer-urls', `http://127.0.0.1:${peer}`],
      ...['--initial-advertise-peer-urls', `http://127.0.0.1:${peer}`, '--initial-cluster', this.#cluster],
      ...['--listen-metrics-urls', `http://127.0.0.1:${metrics}`],
      // What a killed process has written, the kernel has; a slow disk would look like a silent etcd.
      '--unsafe-no-fsync',
      ...certificates,
      ...flags,
    ]
    // setpriv becomes etcd, which the kernel kills when this process has ended.
    const server = spawn('setpriv', ['--pdeathsig', 'KILL', ETCD, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#process = server
    let said = ''
    server.stderr.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-4_000)
    })
    const ended = once(server, 'exit').then(([code]) => {
      const hint = /No such file/.test(said) ? `; ${REMEDY}` : ''
      throw new Error(`etcd ended with status ${code}${hint}: ${said}`)
    })
    ended.catch(() => {})
    await Promise.race([ended, this.#untilHealthy()])
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

  /** Ends it, and starts it without its data: the extreme of restoring an old backup. */
  async forget(): Promise<void> {
    await this.kill()
    await rm(this.#place.dataDir, { recursive: true, force: true })
    await this.restart()
  }

  /** Stops it: connections stay open, and no request is answered. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  async isLeader(): Promise<boolean> {
    const metrics = await (await this.#get('metrics')).text()
    return /^etcd_server_is_leader 1$/m.test(metrics)
  }

  /** How many requests of a method of its API, such as `LeaseTimeToLive`, it has received since it started. */
  async requests(method: string): Promise<number> {
    const metrics = await (await this.#get('metrics')).text()
    const line = new RegExp(`^grpc_server_started_total{grpc_method="${method}".*} (\\S+)$`, 'm').exec(
      metrics,
    )
    if (line === null) throw new Error(`etcd counts no requests of ${method}`)
    return Number(line[1])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
    await rm(this.#place.dataDir, { recursive: true, force: true })
  }

  async #untilHealthy(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT
    while (performance.now() < deadline) {
      try {
        const answer = await (await this.#get('health')).text()
        if (/"health":"true"/.test(answer)) return
      } catch {
        // It does not listen yet.
      }
      await sleep(20)
    }
    throw new Error(`etcd at ${this.endpoint} found no leader within ${START_TIMEOUT / 1000} s`)
  }

  #get(path: string): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.#place.metrics}/${path}`, { signal: AbortSignal.timeout(2_000) })
  }
}

async function makePlace(name: string): Promise<Place> {
  const [client, peer, metrics] = await Promise.all([freePort(), freePort(), freePort()])
  return { name, client, peer, metrics, dataDir: await mkdtemp(join(tmpdir(), 'selvedge-etcd-')) }
}
