import { type AbortOptions, isOverlayError, type OverlayError, type Random } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import { abortable } from './abortable.js'
import type { CallOptions, EtcdApi } from './api.js'
import { clusterError, type ErrorContext } from './cluster-error.js'
import type { Endpoint, Renewal } from './endpoint.js'
import { classify, EtcdFailure, type Failure } from './errors.js'

export interface CallRequest extends AbortOptions {
  /** Begins the error message: `listing leases`. */
  readonly attempted: string
  /** True to keep asking for `patienceMs`; otherwise each endpoint is asked once. */
  readonly patient?: boolean | undefined
  /** Called with why a patient call goes on asking, once no endpoint has answered. */
  readonly onWaiting?: ((why: OverlayError) => void) | undefined
  /** How long one endpoint has to answer, in ms. */
  readonly timeoutMs?: number | undefined
  /** True for a request that must not run twice: one endpoint is asked, and a failure leaves open whether it ran. */
  readonly once?: boolean | undefined
}

export interface ClusterOptions extends ErrorContext {
  /** How long one endpoint has to answer one request, in ms. */
  readonly requestTimeoutMs: number
  /** How long a patient call keeps asking, in ms. */
  readonly patienceMs: number
  readonly random: Random
}

/** @param endpoint what the client is connected to, for messages */
export type Request<T> = (client: EtcdApi, options: CallOptions, endpoint: string) => Promise<T>

/** Pauses after all endpoints have failed, in ms. */
export const BACKOFF = { firstMs: 100, maxMs: 2_000 }

/**
 * The endpoints of one etcd cluster. Stays with the one that answered last, moves to the next if it fails, and turns the
 * errors of etcd, gRPC and TLS into OverlayErrors.
 */
export class EtcdCluster {
  readonly #endpoints: readonly Endpoint[]
  readonly #options: ClusterOptions
  #current: number

  constructor(endpoints: readonly Endpoint[], options: ClusterOptions) {
    this.#endpoints = endpoints
    this.#options = options
    // Spreads nodes that have the same list.
    this.#current = Math.floor(options.random() * endpoints.length)
  }

  /**
   * Sends a request to the endpoint that answered last; if that fails, to the next ones. Throws an OverlayError:
   * `STORE_UNAVAILABLE`, `ACCESS_DENIED`, or `INVALID_CONFIG` for certificates that cannot be read. A failure that only
   * the caller can judge (a revision or an etcd lease that is gone, an answer that is too long) is thrown as an `EtcdFailure`.
   */
  async call<T>(call: CallRequest, request: Request<T>): Promise<T> {
    const { clock, random, patienceMs, requestTimeoutMs } = this.#options
    const { attempted, signal, timeoutMs = requestTimeoutMs, patient = false, once = false } = call
    const until = clock.monotonic() + (patient ? patienceMs : 0)
    for (let round = 1; ; round += 1) {
      const failures = new Map<string, Failure>()
      for (let asked = 0; asked < this.#endpoints.length; asked += 1) {
        signal?.throwIfAborted()
        const endpoint = this.#currentEndpoint()
        const answer = await this.#ask(endpoint, timeoutMs, request, signal)
        if ('value' in answer) return answer.value
        const { failure } = answer
        if (isTheCallers(failure)) throw new EtcdFailure(failure.kind, failure.said)
        if (isFinal(failure)) throw this.#error(attempted, new Map([[endpoint.name, failure]]))
        failures.set(endpoint.name, failure)
        this.#moveOn(endpoint.name)
        if (once) throw this.#error(attempted, failures)
      }
      const hopeless = [...failures.values()].every(({ kind }) => kind !== 'unavailable')
      if (hopeless || clock.monotonic() >= until) throw this.#error(attempted, failures)
      if (round === 1) call.onWaiting?.(this.#error(attempted, failures))
      await clock.sleep(backoffDelay(round, BACKOFF, random), { signal })
    }
  }

  /** The error that ended a stream of `endpoint`, as `call` would throw it. The next call starts at the next endpoint. */
  streamError(attempted: string, endpoint: string, error: unknown): Error {
    const failure = classify(error)
    if (isTheCallers(failure)) return new EtcdFailure(failure.kind, failure.said)
    this.#moveOn(endpoint)
    return this.#error(attempted, new Map([[endpoint, failure]]))
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close()
  }

  /** Asks one endpoint, and once more if it refused the request for a reason that has been fixed since. */
  async #ask<T>(
    endpoint: Endpoint,
    timeoutMs: number,
    request: Request<T>,
    signal: AbortSignal | undefined,
  ): Promise<{ value: T } | { failure: Failure }> {
    const { auth } = this.#options
    // gRPC measures deadlines by the system's clock, whatever clock the store was given.
    const send = () =>
      endpoint.call((client) => request(client, { deadline: Date.now() + timeoutMs }, endpoint.name))
    const tried = new Set<Renewal>()
    for (;;) {
      const answer = await attempt(send, signal)
      if ('value' in answer) return answer
      const renewal = renewalFor(answer.failure, auth !== undefined)
      if (renewal === undefined || tried.has(renewal)) return answer
      tried.add(renewal)
      const renewed = await attempt(() => endpoint.renew(renewal), signal)
      if ('failure' in renewed) return renewed
      // A request that was refused for its token did not run: it may be repeated.
    }
  }

  #currentEndpoint(): Endpoint {
    const endpoint = this.#endpoints[this.#current]
    if (endpoint === undefined) throw new TypeError('an etcd cluster has at least one endpoint')
    return endpoint
  }

  #error(attempted: string, failures: ReadonlyMap<string, Failure>): OverlayError {
    const all = [...failures].map(([name, failure]) => ({ name, failure }))
    return clusterError(attempted, all, this.#options)
  }

  /** Unless another call has moved on in the meantime. */
  #moveOn(from: string): void {
    if (this.#currentEndpoint().name === from) this.#current = (this.#current + 1) % this.#endpoints.length
  }
}

async function attempt<T>(
  work: () => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<{ value: T } | { failure: Failure }> {
  try {
    return { value: await abortable(work(), signal) }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    if (isOverlayError(error)) throw error
    return { failure: classify(error) }
  }
}

const isTheCallers = ({ kind }: Failure): boolean => ['compacted', 'lease-gone', 'too-long'].includes(kind)

/** True if every other endpoint would say the same. */
const isFinal = ({ kind }: Failure): boolean => ['denied', 'full', 'closed', 'refused'].includes(kind)

function renewalFor({ kind, said }: Failure, hasUser: boolean): Renewal | undefined {
  switch (kind) {
    case 'token':
    case 'auth-off':
      return kind
    case 'denied':
      // Authentication was enabled after we had found it disabled.
      return hasUser && said.includes('user name is empty') ? 'auth-on' : undefined
    default:
      return undefined
  }
}
