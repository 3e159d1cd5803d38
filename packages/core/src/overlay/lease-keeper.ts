import type { SubnetManager } from '../contract/subnet-manager.js'
import { type Lease, type LeaseAttributes, type LeaseSubnets, leaseKey, sameLease } from '../lease/lease.js'
import type { Clock, Random } from '../util/clock.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { backoffDelay } from '../util/retry.js'
import { Wakeup } from '../util/wakeup.js'

/** `changed`: another subnet, or other attributes, than before. */
export type LeaseKeeperEvent = {
  readonly type: 'acquired' | 'renewed' | 'changed' | 'lost'
  readonly lease: Lease
}

export interface LeaseKeeperOptions {
  readonly subnets: SubnetManager
  readonly clock: Clock
  readonly random: Random
  /** How long before its end a lease is renewed, in ms. */
  readonly renewMarginMs: number
  /** What to publish, given the lease that this node is found to hold already, if any. */
  readonly attributes: (held: Lease | undefined) => LeaseAttributes
  readonly previous: LeaseSubnets | undefined
  readonly onEvent: (event: LeaseKeeperEvent) => void
  readonly onError: (error: OverlayError) => void
}

/** Failed calls to the store are repeated after half a second to 30 s. */
const BACKOFF = { firstMs: 500, maxMs: 30_000 }

/** No sleep is longer: the wall clock may be set forward, and a lease that is due by it is renewed soon all the same. */
const MAX_SLEEP_MS = 30_000

/**
 * How long after another edit of our lease's record it is published again: two that edit one record in turn must not do
 * so at full speed, and a late echo of our own earlier record has passed by then. A lease that is lost again and again
 * (an operator's script deletes it, or two nodes go by one address) is acquired again at most this often.
 */
const REWRITE_DELAY_MS = 1_000

/** Nodes that started together renew up to this share of the margin apart. */
const JITTER = 0.1

/**
 * Keeps this node's lease: renews it in time, and acquires it again whenever it is lost, with the same subnet if that is
 * still free. A store that is away is retried for as long as it takes: nothing but the signal ends this.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #wakeup = new Wakeup()
  #lease: Lease | undefined
  #lost = false
  /** By the clock that never jumps: when a lost lease may be acquired again. */
  #acquirableAt = Number.NEGATIVE_INFINITY
  /** When to renew, by the wall clock and by the one that never jumps: whichever comes first. */
  #due = { wall: Number.POSITIVE_INFINITY, monotonic: Number.POSITIVE_INFINITY }

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
  }

  /** The lease as last acquired or renewed; stays readable while it is lost. */
  get lease(): Lease {
    if (this.#lease === undefined) throw new TypeError('the overlay has no lease before start() has resolved')
    return this.#lease
  }

  /** Acquires the first lease; rejects if the store does. */
  async acquire(signal: AbortSignal): Promise<Lease> {
    const { subnets, clock, attributes, previous } = this.#options
    const held = this.#lease
    const lease = await subnets.acquireLease(
      { attributes: attributes(held), adopt: attributes, previous: held ?? previous },
      { signal },
    )
    if (this.#lost) this.#acquirableAt = clock.monotonic() + REWRITE_DELAY_MS
    this.#lost = false
    this.#keep(lease)
    if (held === undefined) this.#options.onEvent({ type: 'acquired', lease })
    else this.#options.onEvent({ type: sameLease(held, lease) ? 'acquired' : 'changed', lease })
    return lease
  }

  /** The store says that the lease is gone, or another node's. */
  lost(): void {
    if (this.#lost) return
    this.#lost = true
    this.#options.onEvent({ type: 'lost', lease: this.lease })
    this.#wakeup.wake()
  }

  /** What is to be published may have changed: look now. */
  republish(): void {
    if (!sameAttributes(this.lease, this.#options.attributes(this.lease))) this.#renewIn(0)
  }

  /** What the store has as our lease. If it is not what we published, it was edited: publish it again. */
  observe(lease: Lease): void {
    if (!sameLease(this.lease, lease)) this.#renewIn(REWRITE_DELAY_MS)
  }

  #renewIn(milliseconds: number): void {
    const { clock } = this.#options
    this.#due = {
      wall: Math.min(this.#due.wall, clock.now() + milliseconds),
      monotonic: Math.min(this.#due.monotonic, clock.monotonic() + milliseconds),
    }
    this.#wakeup.wake()
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    let failures = 0
    while (!signal.aborted) {
      try {
        const idle = Math.min(this.#idleTime(), MAX_SLEEP_MS)
        await this.#wakeup.sleep(failures > 0 ? backoffDelay(failures, BACKOFF, random) : idle, clock, signal)
        if (this.#idleTime() === 0) await (this.#lost ? this.acquire(signal) : this.#renew(signal))
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        this.#options.onError(
          OverlayError.from(error, 'STORE_UNAVAILABLE', `keeping lease ${leaseKey(this.lease)}`),
        )
      }
    }
  }

  async #renew(signal: AbortSignal): Promise<void> {
    const { subnets } = this.#options
    const held = this.lease
    const attributes = this.#options.attributes(held)
    try {
      const lease = await subnets.renewLease(held, { attributes, signal })
      this.#keep(lease)
      this.#options.onEvent({ type: sameLease(held, lease) ? 'renewed' : 'changed', lease })
    } catch (error) {
      if (!isOverlayError(error, 'LEASE_LOST')) throw error
      this.#options.onError(error)
      this.lost()
    }
  }

  #keep(lease: Lease): void {
    this.#lease = lease
    const { clock, random, renewMarginMs: renewMargin } = this.#options
    if (lease.expiresAt === undefined) {
      this.#due = { wall: Number.POSITIVE_INFINITY, monotonic: Number.POSITIVE_INFINITY }
      return
    }
    const left = lease.expiresAt - clock.now()
    // A term shorter than twice the margin is renewed at half time.
    const lead = Math.min(renewMargin * (1 + JITTER * random()), left / 2)
    this.#due = { wall: lease.expiresAt - lead, monotonic: clock.monotonic() + left - lead }
  }

  #idleTime(): number {
    const { clock } = this.#options
    if (this.#lost) return Math.max(0, this.#acquirableAt - clock.monotonic())
    return Math.max(0, Math.min(this.#due.wall - clock.now(), this.#due.monotonic - clock.monotonic()))
  }
}

function sameAttributes(lease: Lease, attributes: LeaseAttributes): boolean {
  return sameLease(lease, { ...lease, attributes })
}
