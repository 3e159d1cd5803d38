import { type AbortOptions, isOverlayError, type OverlayError, type Random } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import { abortable } from './abortable.js'
import type { CallOptions, EtcdClient } from './api.js'
import { clusterError, type ErrorContext } from './cluster-error.js'
import type { Endpoint, Renewal } from './endpoint.js'
import { classify, EtcdFailure, type Failure } from './errors.js'

export interface CallRequest extends AbortOptions {
  /** Begins the message where it fails: `listing leases`. */
  readonly attempted: string
  /** True to go on asking for `patienceMs`; else each endpoint is asked once. */
  readonly patient?: boolean | undefined
  /** How long one endpoint has to answer, in ms. */
  readonly timeoutMs?: number | undefined
  /** True for what must not be done twice: one endpoint is asked, and a failure does not say whether it was done. */
  readonly once?: boolean | undefined
}

export interface ClusterOptions extends ErrorContext {
  /** How long one endpoint has to answer one request, in ms. */
  readonly requestTimeoutMs: number
  /** How long a patient call goes on asking, in ms. */
  readonly patienceMs: number
  readonly random: Random
}

/** @param endpoint what the client talks to, for messages */
export type Request<T> = (client: EtcdClient, options: CallOptions, endpoint: string) => Promise<T>

/** Pauses after all endpoints have failed, in ms. */
export const BACKOFF = { firstMs: 100, maxMs: 2_000 }

/**
 * The endpoints of one etcd cluster. Keeps to the one that answered last, goes on to the next when it fails, and turns
 * what etcd, gRPC and TLS say into OverlayErrors.
 */
export class EtcdCluster {
  readonly #endpoints: readonly Endpoint[]
  readonly #options: ClusterOptions
  #current: number

  constructor(endpoints: readonly Endpoint[], options: ClusterOptions) {
    this.#endpoints = endpoints
    this.#options = options
    // Nodes with the same list spread over it.
    this.#current = Math.floor(options.random() * endpoints.length)
  }

  /**
   * Sends a request to the endpoint that answered last; where that fails, to the next ones. Throws an OverlayError:
   * `STORE_UNAVAILABLE`, `ACCESS_DENIED`, or `INVALID_CONFIG` for certificates that cannot be read. What only the
   * caller can judge (a revision or an etcd lease that is gone) is thrown as an `EtcdFailure`.
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
      await clock.sleep(backoffDelay(round, BACKOFF, random), { signal })
    }
  }

  /** What a stream of `endpoint` ended with, as `call` would throw it. The next call begins with the next endpoint. */
  streamError(attempted: string, endpoint: string, error: unknown): Error {
    const failure = classify(error)
    if (isTheCallers(failure)) return new EtcdFailure(failure.kind, failure.said)
    this.#moveOn(endpoint)
    return this.#error(attempted, new Map([[endpoint, failure]]))
  }

  close(): void {
    for (const endpoint of this.#endpoints) endpoint.close()
  }

  /** Asks one endpoint, and again if it refused us for a reason that is mended by then. */
  async #ask<T>(
    endpoint: Endpoint,
    timeoutMs: number,
    request: Request<T>,
    signal: AbortSignal | undefined,
  ): Promise<{ value: T } | { failure: Failure }> {
    const { auth } = this.#options
    // gRPC measures deadlines on the real clock, whatever clock the store was given.
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
      // What was refused for its token was not carried out: it may be repeated.
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

  /** Unless another call has moved on meanwhile. */
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

const isTheCallers = ({ kind }: Failure): boolean => kind === 'compacted' || kind === 'lease-gone'

/** True for what no other endpoint judges otherwise. */
const isFinal = ({ kind }: Failure): boolean => ['denied', 'full', 'closed', 'refused'].includes(kind)

function renewalFor({ kind, said }: Failure, hasUser: boolean): Renewal | undefined {
  switch (kind) {
    case 'token':
    case 'auth-off':
      return kind
    case 'denied':
      // Users were switched on after we had found them to be off.
      return hasUser && said.includes('user name is empty') ? 'auth-on' : undefined
    default:
      return undefined
  }
}
