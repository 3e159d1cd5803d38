import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import { classify, type Failure } from './errors.js'

/** Called with what ends something that waits for messages. */
export type TroubleListener = (failure: Failure) => void

export interface SessionOptions {
  /** In ms. */
  readonly requestTimeoutMs: number
  /** The JetStream domain, if it is not the server's own. */
  readonly domain: string | undefined
}

/** An established connection, and what speaks JetStream on it. */
export class Session {
  readonly nc: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly kvm: Kvm
  /** What precedes the subject of a message for a stream of the domain. */
  readonly publishPrefix: string
  /** Whether each key of a bucket that is made can have an end of its own: from NATS 2.11 on. */
  readonly hasTtlPerKey: boolean
  /** Whether the server that would keep the bucket says that it has no JetStream. Of another domain's, no server says it. */
  readonly lacksJetStream: boolean
  readonly #listeners = new Set<TroubleListener>()
  #end: Failure | undefined

  static async on(
    nc: NatsConnection,
    { requestTimeoutMs: timeout, domain }: SessionOptions,
  ): Promise<Session> {
    const options = { timeout, ...(domain !== undefined && { domain }) }
    const jsm = await jetstreamManager(nc, { ...options, checkAPI: false })
    return new Session(nc, jetstream(nc, options), jsm, domain)
  }

  private constructor(
    nc: NatsConnection,
    js: JetStreamClient,
    jsm: JetStreamManager,
    domain: string | undefined,
  ) {
    this.nc = nc
    this.js = js
    this.jsm = jsm
    this.kvm = new Kvm(js)
    // The servers of a domain take the API's prefix off, and forward the rest; the subjects themselves stay at home.
    this.publishPrefix = domain === undefined ? '' : `$JS.${domain}.API.`
    const [major = 0, minor = 0] = (nc.info?.version ?? '').split('.').map(Number)
    this.hasTtlPerKey = major > 2 || (major === 2 && minor >= 11)
    this.lacksJetStream = domain === undefined && nc.info?.jetstream !== true
    void this.#follow()
  }

  /** What it ended with; undefined while it stands. */
  get end(): Failure | undefined {
    return this.#end
  }

  /**
   * Calls `listener` when the connection ends, and when the server says that a subject is not permitted: no answer says so
   * to whoever waits for messages. Returns what stops that.
   */
  onTrouble(listener: TroubleListener): () => void {
    if (this.#end !== undefined) listener(this.#end)
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #follow(): Promise<void> {
    void this.nc.closed().then((error) => {
      const { said, cause } = classify(error ?? new Error('the connection broke'))
      this.#end = { kind: 'unavailable', said, cause }
      this.#tell(this.#end)
    })
    for await (const status of this.nc.status()) {
      if (status.type === 'error' && status.error.name === 'PermissionViolationError') {
        this.#tell(classify(status.error))
      }
    }
  }

  #tell(failure: Failure): void {
    for (const listener of [...this.#listeners]) listener(failure)
  }
}
