import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type AbortOptions, isOverlayError, OverlayError } from '@selvedge/core'
import { backoffDelay, unlessAborted } from '@selvedge/core/kit'
import type { Settings } from '../options.js'
import { authenticator } from './authenticator.js'
import { secretsOf } from './credentials.js'
import { classify, type Failure, NatsFailure } from './errors.js'
import { explain } from './explain.js'
import type { KnownAddresses } from './known-addresses.js'
import { givenParts } from './tls.js'

/** An established connection, and what speaks JetStream on it. */
export interface Session {
  readonly nc: NatsConnection
  readonly js: JetStreamClient
  readonly jsm: JetStreamManager
  readonly kvm: Kvm
}

/** @param signal aborts once nobody waits for the work any more */
export type Work<T> = (session: Session, signal: AbortSignal) => Promise<T>

export interface CallRequest extends AbortOptions {
  /** Begins the error message: `listing leases`. */
  readonly attempted: string
  /** True for a request that must not run twice: it is sent once, and a failure leaves open whether it ran. */
  readonly once?: boolean | undefined
  /** How long the answer may take, in ms. Default: the settings' `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined
}

/** Pauses between attempts, in ms. */
export const BACKOFF = { firstMs: 100, maxMs: 2_000 }

/**
 * How often an idle connection is pinged, in ms; two pings without an answer end it. So a server that is stopped, or was
 * cut off without a word, is noticed within 9 s; the library's default is six minutes.
 */
const PING_MS = 3_000

/** How long connecting to one server may take, in ms: the kernel sends three SYNs in that time (at 0, 1 and 3 s). */
const CONNECT_TIMEOUT_MS = 3_500

/**
 * The connection to NATS. The client library keeps it, and moves to another server of the cluster if one fails; this opens
 * it with the first call, decides what is sent again, and says what went wrong.
 */
export class Connection {
  readonly #settings: Settings
  readonly #addresses: KnownAddresses
  #session: Promise<Session> | undefined
  /** Why the library is not connected now, as far as it said. */
  #trouble: Failure | undefined
  #secrets: readonly string[] = []
  #closed = false

  constructor(settings: Settings, addresses: KnownAddresses) {
    this.#settings = settings
    this.#addresses = addresses
  }

  /**
   * Does work that needs the connection, again while NATS does not answer, for as long as the settings' `patienceMs`. Throws
   * an OverlayError: `STORE_UNAVAILABLE`, `ACCESS_DENIED`, or `INVALID_CONFIG` for credentials that cannot be read. What
   * only the caller can judge (a key that has changed, a bucket that is missing) is thrown as a `NatsFailure`.
   */
  async call<T>(request: CallRequest, work: Work<T>): Promise<T> {
    const { clock, random, patienceMs } = this.#settings
    const { attempted, signal, once = false } = request
    const until = clock.monotonic() + patienceMs
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#try(request, work)
      if ('value' in answer) return answer.value
      const { failure, sent } = answer
      if (['outdated', 'no-stream', 'exists'].includes(failure.kind)) throw new NatsFailure(failure)
      const isOver = failure.kind !== 'unavailable' || clock.monotonic() >= until
      if (isOver || (once && sent)) throw this.error(attempted, failure)
      await clock.sleep(backoffDelay(attempt, BACKOFF, random), { signal })
    }
  }

  /** The error for a failure that ended what was attempted. */
  error(attempted: string, failure: Failure): OverlayError {
    if (isOverlayError(failure.cause)) return failure.cause
    return explain(attempted, failure, { settings: this.#settings, secrets: this.#secrets })
  }

  /** What `error` is about; while the library is not connected, what keeps it from that says more than a timeout. */
  judge(error: unknown): Failure {
    const failure = classify(error)
    return failure.kind === 'unavailable' && this.#trouble !== undefined ? this.#trouble : failure
  }

  /** Ends it: calls in flight reject, and so do further ones. */
  async close(): Promise<void> {
    this.#closed = true
    const session = await this.#session?.catch(() => undefined)
    await session?.nc.close()
  }

  async #try<T>(
    { signal, timeoutMs = this.#settings.requestTimeoutMs }: CallRequest,
    work: Work<T>,
  ): Promise<{ value: T } | { failure: Failure; sent: boolean }> {
    let sent = false
    const over = new AbortController()
    try {
      const session = await abortable(this.#connected(), signal)
      sent = true
      return { value: await abortable(within(work(session, over.signal), timeoutMs), signal) }
    } catch (error) {
      signal?.throwIfAborted()
      return { failure: isOverlayError(error) ? ownFailure(error) : this.judge(error), sent }
    } finally {
      over.abort()
    }
  }

  #connected(): Promise<Session> {
    if (this.#closed) {
      return Promise.reject(new OverlayError('CLOSED', 'the NATS store was disposed of; make a new one'))
    }
    this.#session ??= this.#connect().catch((error) => {
      this.#session = undefined
      throw error
    })
    return this.#session
  }

  async #connect(): Promise<Session> {
    const { servers, tls, credentials, requestTimeoutMs } = this.#settings
    this.#addresses.addNameServers()
    let problem: OverlayError | undefined
    const read = credentials && (() => this.#keepSecrets(credentials()))
    try {
      const nc = await connect({
        servers: servers.map(({ url }) => url.replace(/^\w+:\/\//, '')),
        ...(tls !== undefined && { tls: givenParts(tls) }),
        ...(read !== undefined && {
          authenticator: authenticator(read, (why) => {
            problem = why
            this.#trouble = ownFailure(why)
          }),
        }),
        name: 'selvedge',
        timeout: CONNECT_TIMEOUT_MS,
        pingInterval: PING_MS,
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 250,
        // Credentials that are refused now may be renewed later.
        ignoreAuthErrorAbort: true,
      })
      if (this.#closed) await nc.close()
      this.#trouble = undefined
      void this.#follow(nc)
      const js = jetstream(nc, { timeout: requestTimeoutMs })
      const jsm = await jetstreamManager(nc, { timeout: requestTimeoutMs, checkAPI: false })
      return { nc, js, jsm, kvm: new Kvm(js) }
    } catch (error) {
      throw problem ?? error
    }
  }

  #keepSecrets<T extends Parameters<typeof secretsOf>[0]>(credentials: T): T {
    this.#secrets = secretsOf(credentials)
    return credentials
  }

  /** Notes which servers it is connected to, and why it is not. */
  async #follow(nc: NatsConnection): Promise<void> {
    const learn = () => {
      this.#addresses.addPeer(nc.getServer())
      for (const peer of nc.info?.connect_urls ?? []) this.#addresses.addPeer(peer)
    }
    learn()
    for await (const status of nc.status()) {
      if (status.type === 'error') {
        const failure = classify(status.error)
        // A permission that one request lacks is that request's.
        if (status.error.name !== 'PermissionViolationError') this.#trouble = failure
      } else if (status.type === 'reconnect') this.#trouble = undefined
      if (status.type === 'reconnect' || status.type === 'update') learn()
    }
    // The library gave the connection up: the next call opens another.
    if (!this.#closed) this.#session = undefined
  }
}

/** What the caller's own settings cause is an error already. */
const ownFailure = (error: OverlayError): Failure => ({ kind: 'refused', said: error.message, cause: error })

const abortable = <T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
  signal === undefined ? promise : unlessAborted(promise, signal)

/** The library limits single requests, but not what work makes of several. */
async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const failure: Failure = {
        kind: 'unavailable',
        said: `no answer within ${timeoutMs / 1000} s`,
        cause: undefined,
      }
      reject(new NatsFailure(failure))
    }, timeoutMs)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
