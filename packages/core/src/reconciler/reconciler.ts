import type { Driver, Operation, OwnershipScope, Program } from '../contract/driver.js'
import type { Resource } from '../contract/resource.js'
import type { DriverTraffic } from '../contract/traffic.js'
import type { AbortOptions } from '../util/abort.js'
import type { Clock, Random } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import { backoffDelay } from '../util/retry.js'
import { Slices } from '../util/slices.js'
import { Wakeup } from '../util/wakeup.js'
import { DeltaTracker, type Drift } from './delta-tracker.js'
import type { DesiredState } from './desired-state.js'
import { DriverSet } from './driver-set.js'
import { ResyncScheduler } from './resync-scheduler.js'
import type { Failure } from './retry-queue.js'
import type { SyncReport } from './sync-tally.js'
import { Waiters } from './waiters.js'
import { WriteRound } from './write-round.js'

/*
 * What shaped this code, beyond "compare and write":
 *
 *  - Notifications are not the truth: they are lost in an overrun, come late, and come for our own writes. So they only
 *    ever ask for a read, and what is written follows from what was read.
 *  - A link that is recreated, or merely goes down, silently takes routes and neighbours with it. So a write that reports
 *    `stale` is followed by a read before anything else is written.
 *  - Some writes succeed and do not hold: the kernel clamps, udev interferes, another program is faster. So a key that
 *    still differs after its own write counts as failed and backs off, rather than going round at full speed.
 *  - Others write too. Some do so by accident, which is repaired within milliseconds; some in a loop, or since they are
 *    another overlay that desires otherwise, which must not become a fight that burns a core. ResyncScheduler bounds the
 *    reads; Contests knows the keys that are changed again and again, which are restored later and later.
 *  - At a start it takes a while until all peers are known. Until the gate opens nothing is deleted, so that what an
 *    earlier process left keeps carrying traffic.
 *  - With tens of thousands of peers a read costs as much as a thousand writes. So a lease's event touches the keys of
 *    that lease alone, and relies on the last read until the next.
 *
 * Which keys differ is DeltaTracker's to know, when to read is ResyncScheduler's, and how to write is WriteRound's. This
 * is the loop between them.
 */

/** What a reconciler works with. */
export interface ReconcilerOptions {
  /** One for each kind of resource. They are not disposed of. */
  readonly drivers: readonly Driver[]
  /** Times its reads and retries. */
  readonly clock: Clock
  /** Jitters its timers. */
  readonly random: Random
  /** The longest time from one read to the next, in ms, jittered by a fifth either way. */
  readonly resyncIntervalMs: number
  /** Asked before each read. */
  readonly scope: () => OwnershipScope
  /** Awaited before each read: the moment to look again at what the desired state itself depends on. */
  readonly beforeRead?: (options: AbortOptions) => Promise<void>
  /** Whether a resource that is not desired is deleted even before the gate opens. Default: none is. */
  readonly isHarmful?: (resource: Resource) => boolean
  /** Called after each round that wrote something, or failed to. */
  readonly onSync?: (report: SyncReport) => void
  /**
   * Called with the keys that a read found to differ from what is desired, though not because of a write of this
   * reconciler's.
   */
  readonly onDrift?: (drift: readonly Drift[]) => void
  /**
   * Called with each sort of failure of a round once, and with reads that failed: `DRIVER_REFUSED`, `ACCESS_DENIED`,
   * `RESOURCE_CONFLICT` and the like; `INTERNAL` for a fault of selvedge's own.
   */
  readonly onError?: (error: OverlayError) => void
}

/** How many resources are desired, actual and failing now. */
export interface ReconcilerStatus {
  /**
   * Whether the drivers hold what is desired and nothing else of ours, as last read and written since. It is false
   * while a write or a read that was asked for is under way.
   */
  readonly inSync: boolean
  /** How many resources are desired. */
  readonly desired: number
  /** How many resources of ours the drivers hold, as last read and written since. */
  readonly actual: number
  /** The keys whose last write failed, each of which is retried. */
  readonly failures: readonly Failure[]
}

/** A read that fails is repeated after 100 ms to 10 s. */
const READ_BACKOFF = { firstMs: 100, maxMs: 10_000 }

/** How often `removeAll` tries before it reports what it could not remove. */
const REMOVAL_ROUNDS = 3

/**
 * Keeps the drivers' actual state equal to the desired state. One loop reads and writes; the desired state may change
 * at any time, and counts from the loop's next round on.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #drivers: DriverSet
  readonly #tracker: DeltaTracker
  readonly #schedule: ResyncScheduler
  readonly #wakeup = new Wakeup()
  #watching: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined
  #isBusy = false
  #failedReads = 0
  /** Who made the first change that has been noticed since the last read began. */
  #changedBy: Program | undefined
  /** Who made the last change that has been noticed. */
  #lastChangedBy: Program | undefined
  readonly #waiters = new Waiters()

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#drivers = new DriverSet(options.drivers)
    this.#schedule = new ResyncScheduler(options, options.random)
    this.#tracker = new DeltaTracker({
      random: options.random,
      onDirty: () => this.#wakeup.wake(),
      isHarmful: options.isHarmful,
    })
  }

  /** What is to be held. Change it at any time: the loop takes it from there. */
  get desired(): DesiredState {
    return this.#tracker.desired
  }

  /** How many resources are desired, held and failing. It costs next to nothing. */
  get status(): ReconcilerStatus {
    return {
      inSync: this.#isInSync(),
      desired: this.desired.size,
      actual: this.#tracker.actualSize,
      failures: this.#tracker.failures,
    }
  }

  /** What those of its drivers have carried that move packets themselves. */
  get traffic(): readonly DriverTraffic[] {
    return this.#drivers.traffic
  }

  /** From now on, what is ours and not desired is deleted. Call it once all leases are known. */
  openGate(): void {
    this.#tracker.openGate()
    this.#wakeup.wake()
  }

  /** Reads the drivers again as soon as possible. */
  resync(): void {
    this.#schedule.ask()
    this.#wakeup.wake()
  }

  /**
   * Begins to watch, then reads and writes once. If that cannot be done at all, it rejects and watches no more; keys
   * that fail are in `status`. Call it before `run`: the two must not overlap.
   */
  async first({ signal = new AbortController().signal }: AbortOptions = {}): Promise<void> {
    this.#startWatching()
    this.#isBusy = true
    try {
      await this.#read(signal, 'first')
      await this.#write(signal)
    } catch (error) {
      await this.#stopWatching()
      throw error
    } finally {
      this.#isBusy = false
    }
    this.#notifyWaiters()
  }

  /** Reconciles until the signal aborts, then returns once the round it is in has ended. Never rejects otherwise. */
  async run(signal: AbortSignal): Promise<void> {
    this.#startWatching()
    while (!signal.aborted) {
      try {
        await this.#wakeup.sleep(this.#idleTime(), this.#options.clock, signal)
        await this.#round(signal)
      } catch (error) {
        if (signal.aborted) break
        // Only a fault of our own, or a driver that breaks its contract, gets here. The actual state is in doubt.
        this.#report(OverlayError.from(error, 'INTERNAL', 'reconciling'))
        this.#tracker.invalidate()
        this.#readFailed()
      }
    }
    await this.#stopWatching()
  }

  /** What would be written now, by a fresh read. Writes nothing. */
  async plan(options: AbortOptions = {}): Promise<readonly Operation[]> {
    return this.#tracker.plan(await this.#drivers.snapshot(this.#options.scope(), options))
  }

  /** Resolves once the drivers hold what is desired and nothing else of ours; at once if they do. */
  async whenInSync({ signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    if (!this.#isInSync()) await this.#waiters.wait({ signal })
  }

  /** Removes all that is ours. Call it after `run` has returned. Rejects with the first failure that lasts. */
  async removeAll({ signal = new AbortController().signal }: AbortOptions = {}): Promise<void> {
    for (const owner of this.desired.owners()) this.desired.set(owner, [])
    this.#tracker.openGate()
    for (let round = 1; ; round += 1) {
      await this.#read(signal, 'own')
      const left = this.#tracker.actualSize
      if (left === 0) return
      this.#tracker.retryNow()
      await this.#write(signal)
      const [failure] = this.#tracker.failures
      if (round === REMOVAL_ROUNDS && failure !== undefined) throw failure.error
      if (round > REMOVAL_ROUNDS) {
        throw new OverlayError(
          'DRIVER_REFUSED',
          `removing all that is ours: ${left} resources came back, such as ${this.#tracker.anyActualKey}; stop the program that restores them`,
        )
      }
    }
  }

  #isInSync(): boolean {
    return this.#tracker.isInSync && !this.#isBusy && !this.#schedule.asked
  }

  #idleTime(): number {
    const { isKnown, hasDirty, retryAt } = this.#tracker
    if (isKnown && hasDirty) return 0
    const dueAt = Math.min(this.#schedule.dueAt(), isKnown ? retryAt : Number.POSITIVE_INFINITY)
    return Math.max(0, dueAt - this.#options.clock.monotonic())
  }

  async #round(signal: AbortSignal): Promise<void> {
    this.#isBusy = true
    try {
      if (this.#schedule.dueAt() <= this.#options.clock.monotonic()) await this.#look(signal)
      if (this.#tracker.isKnown) await this.#write(signal)
    } finally {
      this.#isBusy = false
    }
    this.#notifyWaiters()
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      await this.#read(signal, 'look')
    } catch (error) {
      if (signal.aborted) throw error
      // The last read still counts: leases are followed while reads fail.
      this.#report(OverlayError.from(error, 'DRIVER_REFUSED', 'reading the actual state'))
      this.#readFailed()
    }
  }

  #notifyWaiters(): void {
    if (this.#isInSync()) this.#waiters.notify()
  }

  #readFailed(): void {
    this.#failedReads += 1
    const delayMs = backoffDelay(this.#failedReads, READ_BACKOFF, this.#options.random)
    this.#schedule.failed(this.#options.clock.monotonic(), delayMs)
  }

  /** @param why `first` and `own` expect differences; a `look` that finds some has found drift */
  async #read(signal: AbortSignal, why: 'first' | 'own' | 'look'): Promise<void> {
    const { clock } = this.#options
    const startedAt = clock.monotonic()
    this.#schedule.begun()
    const noticed = this.#changedBy
    this.#changedBy = undefined
    await this.#options.beforeRead?.({ signal })
    const slices = new Slices(clock)
    const actual = await this.#drivers.snapshot(this.#options.scope(), { signal }, slices)
    const drift = await this.#tracker.observe(actual, slices)
    this.#failedReads = 0
    const drifted = why === 'look' && drift.length > 0
    const now = clock.monotonic()
    // A program that goes on changing what is held back is not read after at full speed either.
    const isFight = why === 'look' && this.#tracker.isContested(now)
    this.#schedule.ended(now, { took: now - startedAt, drifted: drifted || isFight })
    if (!drifted) return
    // What was noticed while it read may be part of what it found.
    const by = noticed ?? this.#changedBy
    this.#options.onDrift?.(by === undefined ? drift : drift.map((each) => ({ ...each, by })))
    const keys = drift.map(({ key }) => key)
    const { error } = this.#tracker.contest(keys, now, by ?? this.#lastChangedBy)
    if (error !== undefined) this.#report(error)
  }

  async #write(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const startedAt = clock.monotonic()
    const round = new WriteRound({
      tracker: this.#tracker,
      drivers: this.#drivers,
      clock,
      readAgain: () => this.#read(signal, 'own'),
      readLater: () => this.#schedule.ask(),
      changedBy: () => this.#lastChangedBy,
      onContest: (error) => this.#report(error),
    })
    const tally = await round.run(signal)
    for (const error of tally.errors()) this.#report(error)
    if (tally.isEmpty()) return
    this.#options.onSync?.(tally.report(clock.monotonic() - startedAt))
  }

  /** Begins before the first read: a change after it must not go unseen. */
  #startWatching(): void {
    if (this.#watching !== undefined) return
    const stop = new AbortController()
    const { clock, random } = this.#options
    const ended = this.#drivers.watch({
      clock,
      random,
      signal: stop.signal,
      onChange: (by) => {
        this.#changedBy ??= by
        this.#lastChangedBy = by ?? this.#lastChangedBy
        this.resync()
      },
      onError: (error) => this.#report(error),
    })
    this.#watching = { stop, ended }
  }

  async #stopWatching(): Promise<void> {
    const watching = this.#watching
    this.#watching = undefined
    watching?.stop.abort()
    await watching?.ended
  }

  #report(error: OverlayError): void {
    this.#options.onError?.(error)
  }
}
