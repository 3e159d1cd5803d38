import { type AbortOptions, isOverlayError, OverlayError } from '@selvedge/core'
import { backoffDelay, unlessAborted } from '@selvedge/core/kit'
import type { Settings } from '../options.js'
import { dialAny } from './dial.js'
import { classify, type Failure, isUnheard, mayPass, NatsFailure } from './errors.js'
import { explain } from './explain.js'
import { type Identity, identityOf } from './identity.js'
import type { KnownAddresses } from './known-addresses.js'
import { type Candidate, ServerPool } from './server-pool.js'
import { Session } from './session.js'
import { readTls } from './tls.js'

/** @param signal aborts once nobody waits for the work any more */
export type Work<T> = (session: Session, signal: AbortSignal) => Promise<T>

export interface CallRequest extends AbortOptions {
  /** Begins the error message: `listing leases`. */
  readonly attempted: string
  /** True for a request that must not run twice: it is sent once, and a failure leaves open whether it ran. */
  readonly once?: boolean | undefined
  /** How long the answer may take, in ms. Default: the settings' `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined
  /** Called with why the call goes on asking, once the first attempt has failed. */
  readonly onWaiting?: ((why: OverlayError) => void) | undefined
}

/** Pauses between attempts, in ms. */
export const BACKOFF = { firstMs: 100, maxMs: 2_000 }

/**
 * The connection to NATS: opened with the first call, and again, to any server of the cluster, with the first one after it
 * broke. Decides what is sent again, and says what went wrong.
 */
export class Connection {
  readonly #settings: Settings
  readonly #addresses: KnownAddresses
  readonly #pool: ServerPool
  #session: Promise<Session> | undefined
  /** The same, once it is established. */
  #open: Session | undefined
  /** Of the last attempt to connect. */
  #identity: Identity = identityOf(undefined)
  readonly #closed = new AbortController()

  constructor(settings: Settings, addresses: KnownAddresses) {
    this.#settings = settings
    this.#addresses = addresses
    this.#pool = new ServerPool(settings.servers, settings.random)
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
      const isOver = !mayPass(failure) || clock.monotonic() >= until
      if (isOver || (once && sent)) throw this.error(attempted, failure)
      if (attempt === 1) request.onWaiting?.(this.error(attempted, failure))
      await clock.sleep(backoffDelay(attempt, BACKOFF, random), { signal })
    }
  }

  /** The error for a failure that ended what was attempted. */
  error(attempted: string, failure: Failure): OverlayError {
    if (isOverlayError(failure.cause)) return failure.cause
    return explain(attempted, failure, { settings: this.#settings, identity: this.#identity })
  }

  /** Ends it: calls in flight reject, and so do further ones. */
  async close(): Promise<void> {
    this.#closed.abort()
    await this.#open?.nc.close()
  }

  async #try<T>(
    { signal, timeoutMs = this.#settings.requestTimeoutMs }: CallRequest,
    work: Work<T>,
  ): Promise<{ value: T } | { failure: Failure; sent: boolean }> {
    let session: Session | undefined
    const over = new AbortController()
    try {
      session = await abortable(this.#connected(), signal)
      // The caller may have aborted just as the connection was made: then nobody waits for the work, and it must not start.
      signal?.throwIfAborted()
      return { value: await abortable(within(work(session, over.signal), timeoutMs), signal) }
    } catch (error) {
      signal?.throwIfAborted()
      return { failure: failureOf(error, session), sent: session !== undefined }
    } finally {
      over.abort()
    }
  }

  async #connected(): Promise<Session> {
    this.#requireOpen()
    try {
      if (this.#session !== undefined) return await this.#session
    } catch (error) {
      // That attempt began before this call: the credentials or certificates may have been renewed since.
      if (mayPass(classify(error))) throw error
    }
    this.#requireOpen()
    this.#session ??= this.#connect().catch((error) => {
      this.#session = undefined
      throw error
    })
    return this.#session
  }

  #requireOpen(): void {
    if (this.#closed.signal.aborted) {
      throw new OverlayError('CLOSED', 'the NATS store was disposed of; make a new one')
    }
  }

  async #connect(): Promise<Session> {
    const { credentials, tls } = this.#settings
    this.#addresses.addNameServers()
    // Read for each connection: they may have been renewed.
    this.#identity = identityOf(credentials?.())
    const options = { identity: this.#identity, tls: tls && (await readTls(tls)) }
    const { signal } = this.#closed
    const dialed = await dialAny(this.#pool.inOrder(), options, signal, (server) => this.#pool.failed(server))
    const session = await Session.on(dialed.nc, this.#settings)
    if (signal.aborted) await session.nc.close()
    this.#open = session
    void this.#follow(session, dialed.server)
    return session
  }

  /** Notes which servers it may be connected to, until it is over. */
  async #follow(session: Session, server: Candidate): Promise<void> {
    const { nc } = session
    session.onTrouble(() => {
      if (session.end === undefined || this.#closed.signal.aborted) return
      this.#pool.failed(server)
      this.#session = undefined
      this.#open = undefined
    })
    const learn = (): void => {
      const peers = nc.info?.connect_urls ?? []
      this.#pool.learn(server, peers)
      for (const peer of [nc.getServer(), ...peers]) this.#addresses.addPeer(peer)
    }
    learn()
    for await (const { type } of nc.status()) if (type === 'update') learn()
  }
}

function failureOf(error: unknown, session: Session | undefined): Failure {
  // What the caller's own settings cause is an error already.
  if (isOverlayError(error)) return { kind: 'refused', said: error.message, cause: error }
  const failure = classify(error)
  return session?.lacksJetStream === true && isUnheard(failure)
    ? { ...failure, kind: 'no-jetstream' }
    : failure
}

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
