import type { Driver, Operation, OwnershipScope } from '../contract/driver.js'
import { type Resource, satisfies } from '../contract/resource.js'
import type { AbortOptions } from '../util/abort.js'
import type { Clock, Random } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import { backoffDelay } from '../util/retry.js'
import { Wakeup } from '../util/wakeup.js'
import { DesiredState } from './desired-state.js'
import { DriverSet } from './driver-set.js'
import { inPhases, operationFor, type Phase } from './order.js'
import { ResyncScheduler } from './resync-scheduler.js'
import { type Failure, RetryQueue } from './retry-queue.js'
import { type SyncReport, SyncTally } from './sync-tally.js'

/*
 * What shaped this code, beyond "compare and write":
 *
 *  - Notifications lie by omission: they are lost in an overrun, come late, and come for our own writes. So they only
 *    ever ask for a read; what is written follows from what was read.
 *  - A link that is made anew, or merely goes down, silently takes routes and neighbours with it. So a write that says
 *    `stale` is followed by a read before anything else is written.
 *  - Some writes succeed and do not hold (the kernel clamps, udev interferes, somebody is faster). So a key that still
 *    differs after its own write counts as failed and backs off, rather than going round at full speed.
 *  - Others write too. Some by accident, which is mended within milliseconds; some in a loop, which must not become a
 *    fight that burns a core. ReadSchedule bounds it.
 *  - At a start it is not known for a while which peers there are. Until the gate opens nothing is deleted, so that
 *    what an earlier process left keeps carrying traffic.
 *  - With tens of thousands of peers a read costs as much as a thousand writes. So a lease's event touches the keys of
 *    that lease alone, and trusts what is believed held until the next read.
 */

/** A key that somebody else changed. */
export interface Drift {
  readonly key: string
  /** `missing` or `changed` although wished; `unexpected`: there, of ours, and wished by nobody. */
  readonly was: 'missing' | 'changed' | 'unexpected'
}

export interface ReconcilerOptions {
  readonly drivers: readonly Driver[]
  readonly clock: Clock
  readonly random: Random
  /** In ms; give or take a fifth. */
  readonly resyncIntervalMs: number
  /** Asked before each read. */
  readonly scope: () => OwnershipScope
  /** Awaited before each read: time to look again at what the wishes themselves depend on. */
  readonly beforeRead?: (options: AbortOptions) => Promise<void>
  readonly onSync?: (report: SyncReport) => void
  readonly onDrift?: (drift: readonly Drift[]) => void
  readonly onError?: (error: OverlayError) => void
}

/** How much is wished, held and failing now. */
export interface ReconcilerStatus {
  readonly inSync: boolean
  readonly desired: number
  readonly actual: number
  readonly failures: readonly Failure[]
}

/** A read that fails is repeated after 100 ms to 10 s. */
const READ_BACKOFF = { firstMs: 100, maxMs: 10_000 }

/** How often `removeAll` tries before it says what it could not remove. */
const REMOVAL_ROUNDS = 3

/**
 * Keeps what the drivers hold equal to what is wished. One loop reads and writes; wishes may change at any time and
 * are taken up in its next round.
 */
export class Reconciler {
  readonly desired: DesiredState
  readonly #options: ReconcilerOptions
  readonly #drivers: DriverSet
  readonly #schedule: ResyncScheduler
  readonly #retries: RetryQueue
  readonly #wakeup = new Wakeup()
  /** What the drivers hold, as last read and written since. */
  #held = new Map<string, Resource>()
  /** Keys whose wish may differ from what is held. */
  #dirty = new Set<string>()
  #watching: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined
  #everRead = false
  #gateOpen = false
  #busy = false
  #failedReads = 0
  #waiters: (() => void)[] = []

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#drivers = new DriverSet(options.drivers)
    this.#schedule = new ResyncScheduler(options, options.random)
    this.#retries = new RetryQueue(options.random)
    this.desired = new DesiredState((key) => {
      this.#dirty.add(key)
      this.#retries.forget(key)
      this.#wakeup.wake()
    })
  }

  get status(): ReconcilerStatus {
    return {
      inSync: this.#inSync(),
      desired: this.desired.size,
      actual: this.#held.size,
      failures: this.#retries.list(),
    }
  }

  /** From now on, what is held and wished by nobody is deleted: call once all leases are known. */
  openGate(): void {
    if (this.#gateOpen) return
    this.#gateOpen = true
    for (const key of this.#held.keys()) if (this.desired.get(key) === undefined) this.#dirty.add(key)
    this.#wakeup.wake()
  }

  /** Reads the drivers again as soon as may be. */
  resync(): void {
    this.#schedule.ask()
    this.#wakeup.wake()
  }

  /**
   * Begins to watch, then reads and writes once; rejects where that cannot be done at all, and watches no more. Keys
   * that fail are in `status`. Call it before `run`, whose rounds it must not meet.
   */
  async first({ signal = new AbortController().signal }: AbortOptions = {}): Promise<void> {
    this.#startWatching()
    this.#busy = true
    try {
      await this.#read(signal, 'first')
      await this.#write(signal)
    } catch (error) {
      await this.#stopWatching()
      throw error
    } finally {
      this.#busy = false
    }
    this.#tellWhoWaits()
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
        // Only a fault of our own, or in a driver's keeping of its contract, gets here. What was believed is in doubt.
        this.#report(OverlayError.from(error, 'INTERNAL', 'reconciling'))
        this.#everRead = false
        this.#readFailed()
      }
    }
    await this.#stopWatching()
  }

  /** What would be written now, from a fresh look; writes nothing. */
  async plan(options: AbortOptions = {}): Promise<readonly Operation[]> {
    const held = await this.#drivers.snapshot(this.#options.scope(), options)
    const keys = new Set(held.keys())
    for (const { key } of this.desired) keys.add(key)
    const operations: Operation[] = []
    for (const key of keys) {
      const operation = this.#permitted(operationFor(held.get(key), this.desired.get(key)))
      if (operation !== undefined) operations.push(operation)
    }
    return inPhases(operations).flatMap((phase) => phase.operations)
  }

  /** Resolves once the drivers hold what is wished and nothing else of ours; at once where they do. */
  async whenInSync({ signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    if (this.#inSync()) return
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const abort = () => {
        this.#waiters = this.#waiters.filter((waiter) => waiter !== done)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiters.push(done)
    })
  }

  /** Removes all that is ours. Call it after `run` has returned. Rejects with the first of what could not be removed. */
  async removeAll({ signal = new AbortController().signal }: AbortOptions = {}): Promise<void> {
    for (const owner of this.desired.owners()) this.desired.set(owner, [])
    this.#gateOpen = true
    for (let round = 1; ; round += 1) {
      await this.#read(signal, 'own')
      if (this.#held.size === 0) return
      this.#retries.hasten()
      await this.#write(signal)
      const [failure] = this.#retries.list()
      if (round === REMOVAL_ROUNDS && failure !== undefined) throw failure.error
      if (round > REMOVAL_ROUNDS) {
        const [left = ''] = this.#held.keys()
        throw new OverlayError(
          'DRIVER_REFUSED',
          `removing all that is ours: ${this.#held.size} are back, such as ${left}`,
        )
      }
    }
  }

  #inSync(): boolean {
    return (
      this.#gateOpen &&
      this.#everRead &&
      !this.#busy &&
      !this.#schedule.asked &&
      this.#dirty.size === 0 &&
      this.#retries.size === 0
    )
  }

  #idleTime(): number {
    if (this.#everRead && this.#dirty.size > 0) return 0
    const retryAt = this.#everRead ? this.#retries.nextDueAt() : Number.POSITIVE_INFINITY
    return Math.max(0, Math.min(this.#schedule.dueAt(), retryAt) - this.#options.clock.monotonic())
  }

  async #round(signal: AbortSignal): Promise<void> {
    this.#busy = true
    try {
      if (this.#schedule.dueAt() <= this.#options.clock.monotonic()) await this.#look(signal)
      if (this.#everRead) await this.#write(signal)
    } finally {
      this.#busy = false
    }
    this.#tellWhoWaits()
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      await this.#read(signal, 'look')
    } catch (error) {
      if (signal.aborted) throw error
      // What is believed still stands: leases go on being followed while reads fail.
      this.#report(OverlayError.from(error, 'DRIVER_REFUSED', 'reading what is held'))
      this.#readFailed()
    }
  }

  #tellWhoWaits(): void {
    if (this.#inSync()) for (const waiter of this.#waiters.splice(0)) waiter()
  }

  #readFailed(): void {
    this.#failedReads += 1
    const delay = backoffDelay(this.#failedReads, READ_BACKOFF, this.#options.random)
    this.#schedule.failed(this.#options.clock.monotonic(), delay)
  }

  /** @param why `first` and `own` expect differences; a `look` that finds some has found drift */
  async #read(signal: AbortSignal, why: 'first' | 'own' | 'look'): Promise<void> {
    const { clock } = this.#options
    const startedAt = clock.monotonic()
    this.#schedule.begun()
    await this.#options.beforeRead?.({ signal })
    const before = this.#held
    const held = await this.#drivers.snapshot(this.#options.scope(), { signal })
    const drift = this.#compare(before, held)
    this.#held = held
    this.#everRead = true
    this.#failedReads = 0
    const drifted = why === 'look' && drift.length > 0
    const now = clock.monotonic()
    this.#schedule.ended(now, { took: now - startedAt, drifted })
    if (drifted) this.#options.onDrift?.(drift)
  }

  /** Marks every key that differs from its wish as dirty, and tells which of them were believed to be as wished. */
  #compare(before: ReadonlyMap<string, Resource>, held: Map<string, Resource>): Drift[] {
    const drift: Drift[] = []
    for (const wish of this.desired) {
      const { key } = wish
      const actual = held.get(key)
      if (actual !== undefined && satisfies(actual, wish)) {
        // The two are equal in all that is wished: keeping one object of them halves what a large network costs.
        held.set(key, wish)
        this.#retries.forget(key)
        continue
      }
      const believed = before.get(key)
      const clean = !this.#dirty.has(key) && !this.#retries.has(key)
      if (clean && believed !== undefined)
        drift.push({ key, was: actual === undefined ? 'missing' : 'changed' })
      this.#dirty.add(key)
    }
    for (const key of held.keys()) {
      if (this.desired.get(key) !== undefined) continue
      if (this.#gateOpen && !before.has(key)) drift.push({ key, was: 'unexpected' })
      if (this.#gateOpen) this.#dirty.add(key)
    }
    for (const { key } of this.#retries.list()) {
      if (!held.has(key) && this.desired.get(key) === undefined) this.#retries.forget(key)
    }
    this.#retries.proven((key) => this.#dirty.has(key))
    return drift
  }

  /** Before the gate opens nothing is deleted. */
  #permitted(operation: Operation | undefined): Operation | undefined {
    return operation?.type === 'delete' && !this.#gateOpen ? undefined : operation
  }

  /** Writes what differs, and reads again in between where a write has put in doubt what was read. */
  async #write(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const startedAt = clock.monotonic()
    const tally = new SyncTally()
    const written = new Set<string>()
    while (await this.#writePhases(inPhases(this.#collect(written, tally)), written, tally, signal)) {
      await this.#read(signal, 'own')
    }
    for (const error of tally.errors()) this.#report(error)
    if (tally.isEmpty()) return
    this.#options.onSync?.(tally.report(clock.monotonic() - startedAt))
  }

  /** @returns whether it stopped early, because what was read before is in doubt now */
  async #writePhases(
    phases: readonly Phase[],
    written: Set<string>,
    tally: SyncTally,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const [index, phase] of phases.entries()) {
      if (await this.#apply(phase, written, tally, signal)) {
        const rest = phases.slice(index + 1).flatMap(({ operations }) => operations)
        for (const { resource } of rest) this.#dirty.add(resource.key)
        return true
      }
    }
    return false
  }

  /** The operations that the dirty keys and the due retries call for. */
  #collect(written: ReadonlySet<string>, tally: SyncTally): Operation[] {
    const now = this.#options.clock.monotonic()
    const keys = this.#dirty
    this.#dirty = new Set()
    if (this.#retries.size > 0) for (const key of keys) if (this.#retries.has(key)) keys.delete(key)
    for (const key of this.#retries.due(now)) keys.add(key)
    const operations: Operation[] = []
    for (const key of keys) {
      const operation = this.#permitted(operationFor(this.#held.get(key), this.desired.get(key)))
      if (operation === undefined) {
        this.#retries.forget(key)
      } else if (written.has(key)) {
        this.#fail(operation, didNotHold(operation), tally)
      } else {
        operations.push(operation)
      }
    }
    return operations
  }

  /** @returns whether what was read before is in doubt now */
  async #apply(
    { operations }: Phase,
    written: Set<string>,
    tally: SyncTally,
    signal: AbortSignal,
  ): Promise<boolean> {
    let stale = false
    for (const { operation, result } of await this.#drivers.apply(operations, signal)) {
      const { type, resource } = operation
      written.add(resource.key)
      if (!result.ok) {
        this.#fail(operation, result.error, tally)
        // A link that is gone: read again, but in the next round, so that a fault that lasts cannot hold this one.
        if (result.stale) this.#schedule.ask()
        continue
      }
      tally.count(operation)
      this.#retries.succeeded(resource.key)
      if (type === 'put') this.#held.set(resource.key, resource)
      else this.#held.delete(resource.key)
      if (resource.kind === 'link') this.#retries.hasten()
      stale ||= result.stale ?? false
    }
    return stale
  }

  #fail({ resource }: Operation, error: OverlayError, tally: SyncTally): void {
    this.#retries.failed(resource.key, error, this.#options.clock.monotonic())
    tally.fail(resource, error)
  }

  /** Before the first read: what changes after it must not go unseen. */
  #startWatching(): void {
    if (this.#watching !== undefined) return
    const stop = new AbortController()
    const { clock, random } = this.#options
    const ended = this.#drivers.watch({
      clock,
      random,
      signal: stop.signal,
      onChange: () => this.resync(),
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

function didNotHold({ type, resource }: Operation): OverlayError {
  return new OverlayError(
    'DRIVER_REFUSED',
    `${type} ${resource.key} was said to succeed, yet what was read back differs: look for another program that changes it`,
  )
}
