import type { SubnetManager } from '../contract/subnet-manager.js'
import {
  type Lease,
  type LeaseAttributes,
  type LeaseSubnets,
  leaseKey,
  sameLease,
  sameNode,
  sameSubnets,
} from '../lease/lease.js'
import { HOW_TO_CHOOSE_ADDRESS } from '../net/public-address.js'
import type { Clock, Random } from '../util/clock.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { backoffDelay } from '../util/retry.js'
import { Wakeup } from '../util/wakeup.js'
import { Recurrence } from './recurrence.js'
import { RenewalSchedule } from './renewal-schedule.js'

/** `changed`: another subnet, or other attributes, than before. */
export type LeaseKeeperEvent = {
  /**
   * `acquired`: a lease is held, at the start or after a loss. `renewed`: its end moved, and nothing else. `changed`:
   * another subnet, or other attributes. `lost`: it ended, was deleted, or is another node's by now; another is being
   * acquired.
   */
  readonly type: 'acquired' | 'renewed' | 'changed' | 'lost'
  /** As it is now; of `lost`, as it was. */
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
  /** The lease that this node held until a moment ago, before it joined again under another config. */
  readonly former: Lease | undefined
  /** The lease that an earlier run of this node held, if it may still be this node's: see `LeaseRequest.former`. */
  readonly earlier: Lease | undefined
  /** Whether this node waits for its uplink: see `LeaseRequest.withoutUplink`. */
  readonly withoutUplink: () => boolean
  /**
   * Asked before a lost lease is acquired again: whether the network is still the one that this node joined. If it is
   * not, `run` ends, since a lease of another network is nothing that this keeper could keep.
   */
  readonly networkStands: (signal: AbortSignal) => Promise<boolean>
  readonly onEvent: (event: LeaseKeeperEvent) => void
  readonly onError: (error: OverlayError) => void
}

/** Failed calls to the store are repeated after half a second to 30 s. */
const BACKOFF = { firstMs: 500, maxMs: 30_000 }

/** No sleep is longer: the wall clock may be set forward, and a lease that is due by it is renewed soon all the same. */
const MAX_SLEEP_MS = 30_000

/**
 * How long after another edit of our lease's record it is published again: two that edit one record in turn must not do
 * so at full speed, and a late echo of our own earlier record has passed by then.
 */
const REWRITE_DELAY_MS = 1_000

/**
 * The shortest time from one acquisition of a lost lease to the next, doubled each time that it is lost again soon: a
 * script deletes it, or the store has it in a form that is not recognised as this node's.
 */
const REACQUIRE_DELAY = { firstMs: 1_000, maxMs: 30_000 }

/**
 * How long a lease is on trial that was there already and is known to be this node's by its public address alone. A node
 * that is alive and goes by the same address writes it back within a second or two, or ten if that happens often.
 */
const TRIAL_MS = 30_000

/** Before what another process has written is written back, doubled each time that it happens again soon. */
const WRITE_BACK_DELAY = { firstMs: REWRITE_DELAY_MS, maxMs: 10_000 }

/** A lease that stood for this long is not one that is lost again and again. */
const STABLE_MS = 60_000

/**
 * Keeps this node's lease: renews it in time, and acquires it again whenever it is lost, with the same subnet if that is
 * still free. A store that is away is retried for as long as it takes: nothing but the signal ends this.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #wakeup = new Wakeup()
  readonly #renewal: RenewalSchedule
  #lease: Lease | undefined
  #lost = false
  /** By the clock that never jumps: when a lost lease may be acquired again. */
  #acquirableAt = Number.NEGATIVE_INFINITY
  /** By the same clock. */
  #acquiredAt = Number.NEGATIVE_INFINITY
  /** Times that the lease was lost soon after it was acquired. */
  readonly #losses = new Recurrence({ ...REACQUIRE_DELAY, stableMs: STABLE_MS })
  /** By the clock that never jumps: until when a lease is on trial that was found by this node's address alone. */
  #trialEndsAt = Number.NEGATIVE_INFINITY
  /** Leases that turned out to be another node's, which goes by this node's address. */
  readonly #excluded: LeaseSubnets[] = []
  /** Times that another process has written our record. */
  readonly #contests = new Recurrence({ ...WRITE_BACK_DELAY, stableMs: STABLE_MS })
  #contestedAt = Number.NEGATIVE_INFINITY
  /** Whether the record is to be written whatever it says. */
  #rewrite = false
  /** Whether the lease is known to be this node's by what an earlier run held, and that is not to count. */
  #isDisowned = false
  /** Whether what is to be published has changed, and the store has not taken it yet. */
  #isUnpublished = false
  /** What is being published: the store may show it before it has answered. */
  #publishing: LeaseAttributes | undefined

  constructor(options: LeaseKeeperOptions) {
    this.#options = options
    this.#renewal = new RenewalSchedule(options.renewMarginMs, options.clock, options.random)
    this.#lease = options.former
  }

  /** The lease as last acquired or renewed; stays readable while it is lost. */
  get lease(): Lease {
    if (this.#lease === undefined) throw new TypeError('the overlay has no lease before start() has resolved')
    return this.#lease
  }

  /** Whether the lease is lost, and not acquired again yet. */
  get isLost(): boolean {
    return this.#lost
  }

  /** Acquires the first lease; rejects if the store does. */
  async acquire(signal: AbortSignal): Promise<Lease> {
    const { subnets, clock, attributes, earlier, withoutUplink } = this.#options
    const held = this.#lease
    const previous = held ?? this.#options.previous
    const lease = await subnets.acquireLease(
      {
        attributes: attributes(held),
        adopt: attributes,
        previous,
        former: this.#isDisowned ? undefined : (held ?? earlier),
        excluded: this.#excluded,
        withoutUplink: withoutUplink(),
      },
      { signal },
    )
    this.#acquiredAt = clock.monotonic()
    const isNamed = previous !== undefined && sameSubnets(previous, lease)
    this.#trialEndsAt = this.#acquiredAt + (wasThere(lease) && !isNamed ? TRIAL_MS : 0)
    if (this.#lost) this.#acquirableAt = this.#acquiredAt + this.#losses.delayMs
    this.#lost = false
    this.#isDisowned = false
    this.#keep(lease)
    if (held === undefined) this.#options.onEvent({ type: 'acquired', lease })
    else this.#options.onEvent({ type: sameLease(held, lease) ? 'acquired' : 'changed', lease })
    // A cache gives what was published last, which may be another address than this node has now.
    if (!sameNode(lease.attributes, attributes(lease))) this.republish()
    return lease
  }

  /** The store says that the lease is gone, or another node's. */
  lost(): void {
    if (this.#lost) return
    const before = this.#losses.delayMs
    this.#losses.add(this.#options.clock.monotonic() - this.#acquiredAt)
    this.#lost = true
    this.#options.onEvent({ type: 'lost', lease: this.lease })
    if (this.#losses.count > 2 && this.#losses.delayMs > before) this.#reportLosses()
    this.#wakeup.wake()
  }

  /**
   * Takes in what the store has under our lease's key: ours as published, ours but written by another process, which is
   * published again, or another node's.
   */
  observe(lease: Lease): void {
    if (this.#publishing !== undefined && sameAttributes(lease, this.#publishing)) return
    if (!sameNode(lease.attributes, this.lease.attributes)) this.lost()
    else if (this.#isContested(lease)) this.#contest()
    else if (!sameLease(this.lease, lease)) this.#renewIn(REWRITE_DELAY_MS)
    // What could not be published while the store was away is published as soon as it answers.
    else if (this.#isUnpublished) this.#renewIn(0)
  }

  /** The lease that was taken as this node's is of another host, which this one's disk is a copy of. */
  disown(): void {
    this.#isDisowned = true
    this.lost()
  }

  /**
   * Whether another process has written our record after us. A node that goes by the same address does so when it comes,
   * and publishes the same, or nearly.
   */
  #isContested(lease: Lease): boolean {
    const own = this.lease
    if (this.#lost || this.#publishing !== undefined || lease.version === undefined) return false
    if (own.version !== undefined) return lease.version > own.version
    // A write whose answer was lost may be our own, and so may that of an earlier run.
    this.#lease = { ...own, created: lease.created, version: lease.version }
    return false
  }

  /** Two go by one address. The one that has just come, and knows its lease by that alone, gives way. */
  #contest(): void {
    const { clock } = this.#options
    const now = clock.monotonic()
    if (now < this.#trialEndsAt) {
      this.#excluded.push(this.lease)
      this.#report('another node holds it, so this one gives way and acquires another subnet')
      this.lost()
      return
    }
    this.#contests.add(now - this.#contestedAt)
    this.#contestedAt = now
    this.#rewrite = true
    // Two that both know the lease as theirs go on for good: reported at 1, 2, 4, 8.
    const { count, delayMs } = this.#contests
    if ((count & (count - 1)) === 0) this.#report('it is written back')
    this.#renewIn(delayMs)
  }

  #report(consequence: string): void {
    const { publicIp, publicIpv6 } = this.lease.attributes
    this.#options.onError(
      new OverlayError(
        'LEASE_CONFLICT',
        `lease ${leaseKey(this.lease)} of this node was written by another process: ${consequence}. If another node goes ` +
          `by ${publicIp ?? publicIpv6} too, peers reach only one of the two: give each an address of its own ` +
          `(${HOW_TO_CHOOSE_ADDRESS})`,
      ),
    )
  }

  /** Once for each time that the pause grows. */
  #reportLosses(): void {
    this.#options.onError(
      new OverlayError(
        'LEASE_LOST',
        `lease ${leaseKey(this.lease)} was lost ${this.#losses.count} times in a row, each time less than ${STABLE_MS / 1000} s ` +
          'after it was acquired: another process deletes or rewrites its record; from now on it is acquired again ' +
          `after ${this.#losses.delayMs / 1000} s at the earliest`,
      ),
    )
  }

  /** What is to be published may have changed: look now. */
  republish(): void {
    this.#isUnpublished = !sameAttributes(this.lease, this.#options.attributes(this.lease))
    if (this.#isUnpublished) this.#renewIn(0)
  }

  #renewIn(milliseconds: number): void {
    this.#renewal.advance(milliseconds)
    this.#wakeup.wake()
  }

  /** Runs until the signal aborts, or the network is another. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    let failures = 0
    while (!signal.aborted) {
      try {
        const idle = Math.min(this.#idleTime(), MAX_SLEEP_MS)
        await this.#wakeup.sleep(failures > 0 ? backoffDelay(failures, BACKOFF, random) : idle, clock, signal)
        if (this.#idleTime() === 0) {
          if (!this.#lost) await this.#renew(signal)
          else if (await this.#options.networkStands(signal)) await this.acquire(signal)
          else return
        }
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
      this.#publishing = attributes
      const lease = await subnets.renewLease(held, { attributes, rewrite: this.#rewrite, signal })
      this.#rewrite = false
      this.#keep(lease)
      this.#options.onEvent({ type: sameLease(held, lease) ? 'renewed' : 'changed', lease })
    } catch (error) {
      if (!isOverlayError(error, 'LEASE_LOST')) {
        // It may have been written all the same: then its next version is our own.
        this.#lease = { ...held, version: undefined }
        throw error
      }
      this.#options.onError(error)
      this.lost()
    } finally {
      this.#publishing = undefined
    }
  }

  #keep(lease: Lease): void {
    this.#isUnpublished = false
    this.#lease = lease
    this.#renewal.restart(lease)
  }

  #idleTime(): number {
    if (!this.#lost) return this.#renewal.remainingMs
    return Math.max(0, this.#acquirableAt - this.#options.clock.monotonic())
  }
}

/** Whether the store had the record before it was acquired. */
const wasThere = ({ created, version }: Lease): boolean =>
  created !== undefined && version !== undefined && created < version

function sameAttributes(lease: Lease, attributes: LeaseAttributes): boolean {
  return sameLease(lease, { ...lease, attributes })
}
