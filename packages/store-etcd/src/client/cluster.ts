import { type AbortOptions, OverlayError } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import type { NetworkKeys } from '../keys.js'
import type { Settings } from '../options.js'
import { abortable } from './abortable.js'
import type { CallOptions, EtcdClient } from './api.js'
import { clusterError } from './cluster-error.js'
import type { Member, Renewal } from './endpoint.js'
import { classify, EtcdFailure, type Failure } from './errors.js'

export interface CallRequest extends AbortOptions {
  /** Begins the message where it fails: `listing leases`. */
  readonly attempted: string
  /** True to go on asking for as long as the option `patience` says; else each endpoint is asked once. */
  readonly patient?: boolean | undefined
  /** How long one endpoint has to answer, in ms. */
  readonly timeout?: number | undefined
  /** True for what must not be done twice: one endpoint is asked, and a failure does not say whether it was done. */
  readonly once?: boolean | undefined
}

/** @param endpoint what the client talks to, for messages */
export type Request<T> = (client: EtcdClient, options: CallOptions, endpoint: string) => Promise<T>

/** Pauses after all endpoints have failed, in ms. */
export const BACKOFF = { first: 100, most: 5_000 }

/**
 * The endpoints of one etcd cluster. Keeps to the one that answered last, goes on to the next when it fails, and turns
 * what etcd, gRPC and TLS say into OverlayErrors.
 */
export class EtcdCluster {
  readonly #members: readonly Member[]
  readonly #settings: Settings
  readonly #keys: NetworkKeys
  #current: number

  constructor(members: readonly Member[], settings: Settings, keys: NetworkKeys) {
    this.#members = members
    this.#settings = settings
    this.#keys = keys
    // Nodes with the same list spread over it.
    this.#current = Math.floor(settings.random() * members.length)
  }

  /**
   * Sends a request to the endpoint that answered last; where that fails, to the next ones. Throws an OverlayError:
   * `STORE_UNAVAILABLE`, `ACCESS_DENIED`, or `INVALID_CONFIG` for certificates that cannot be read. What only the
   * caller can judge (a revision or an etcd lease that is gone) is thrown as an `EtcdFailure`.
   */
  async call<T>(call: CallRequest, request: Request<T>): Promise<T> {
    const { clock, random, patience, requestTimeout } = this.#settings
    const { attempted, signal, timeout = requestTimeout, patient = false, once = false } = call
    const until = clock.monotonic() + (patient ? patience : 0)
    for (let round = 1; ; round += 1) {
      const failures = new Map<string, Failure>()
      for (let asked = 0; asked < this.#members.length; asked += 1) {
        signal?.throwIfAborted()
        const member = this.#currentMember()
        const answer = await this.#ask(member, timeout, request, signal)
        if ('value' in answer) return answer.value
        const { failure } = answer
        if (isTheCallers(failure)) throw new EtcdFailure(failure.kind, failure.said)
        if (isFinal(failure)) throw this.#error(attempted, new Map([[member.name, failure]]))
        failures.set(member.name, failure)
        this.#moveOn(member.name)
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
    for (const member of this.#members) member.close()
  }

  /** Asks one endpoint, and again where it refused us for a reason that is mended by then. */
  async #ask<T>(
    member: Member,
    timeout: number,
    request: Request<T>,
    signal: AbortSignal | undefined,
  ): Promise<{ value: T } | { failure: Failure }> {
    // gRPC measures deadlines on the real clock, whatever clock the store was given.
    const send = async () => request(await member.client(), { deadline: Date.now() + timeout }, member.name)
    const tried = new Set<Renewal>()
    for (;;) {
      const answer = await attempt(send, signal)
      if ('value' in answer) return answer
      const renewal = renewalFor(answer.failure, this.#settings.auth !== undefined)
      if (renewal === undefined || tried.has(renewal)) return answer
      tried.add(renewal)
      const renewed = await attempt(() => member.renew(renewal), signal)
      if ('failure' in renewed) return renewed
      // New certificates serve the next round. What was refused for its token was not carried out: it may be repeated.
      if (renewal === 'certificates') return answer
    }
  }

  #currentMember(): Member {
    const member = this.#members[this.#current]
    if (member === undefined) throw new TypeError('an etcd cluster has at least one endpoint')
    return member
  }

  #error(attempted: string, failures: ReadonlyMap<string, Failure>): OverlayError {
    const all = [...failures].map(([name, failure]) => ({ name, failure }))
    return clusterError(attempted, all, this.#settings, this.#keys)
  }

  /** Unless another call has moved on meanwhile. */
  #moveOn(from: string): void {
    if (this.#currentMember().name === from) this.#current = (this.#current + 1) % this.#members.length
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
    if (error instanceof OverlayError) throw error
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
    case 'unavailable':
    case 'untrusted':
    case 'client-certificate':
      return 'certificates'
    default:
      return undefined
  }
}
