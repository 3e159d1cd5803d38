import type { Operation, Program } from '../contract/driver.js'
import { type Resource, sameResource, satisfies } from '../contract/resource.js'
import type { Random } from '../util/clock.js'
import type { OverlayError } from '../util/errors.js'
import type { Slices } from '../util/slices.js'
import { Contests, contestError } from './contests.js'
import { DesiredState } from './desired-state.js'
import { inPhases, operationFor } from './order.js'
import { type Failure, RetryQueue } from './retry-queue.js'

/** A key that another process or an operator changed. */
export interface Drift {
  /** Of the resource that differs. */
  readonly key: string
  /** `missing` or `changed` although desired; `unexpected`: present, ours, and not desired. */
  readonly was: 'missing' | 'changed' | 'unexpected'
  /**
   * The program whose change was noticed first, and led to this being found. Undefined if the driver cannot tell, or if
   * it was found without having been noticed.
   */
  readonly by?: Program | undefined
}

/** What to write now, and what has been written in this round already and yet differs. */
export interface Delta {
  readonly operations: readonly Operation[]
  readonly didNotHold: readonly Operation[]
}

/** What came of the look whether changed keys are contested. */
export interface Contested {
  /** They are restored later, by a retry. */
  readonly held: ReadonlySet<string>
  readonly error: OverlayError | undefined
}

export interface DeltaTrackerOptions {
  readonly random: Random
  /** Called when a key's desired resource changes. */
  readonly onDirty: () => void
  /** Whether a resource that is not desired has to go at once, though not all leases are known yet. Default: none has. */
  readonly isHarmful?: ((resource: Resource) => boolean) | undefined
}

/**
 * Tracks desired and actual state by key, and which keys may differ. Pure bookkeeping: it reads no driver, sleeps for
 * nothing, and takes each time as an argument (ms, monotonic).
 *
 * A key is in one of three states. It is *dirty* once its desired resource changes or a read shows it to differ;
 * *failing* if its last write was refused, until the retry that is due succeeds; and *clean* once a write succeeded or a
 * read shows it to hold what is desired.
 */
export class DeltaTracker {
  readonly desired: DesiredState
  readonly #retries: RetryQueue
  readonly #contests = new Contests()
  readonly #random: Random
  /** As last read, and written since. */
  #actual = new Map<string, Resource>()
  #dirty = new Set<string>()
  #isKnown = false
  #isGateOpen = false
  readonly #isHarmful: (resource: Resource) => boolean

  constructor({ random, onDirty, isHarmful = () => false }: DeltaTrackerOptions) {
    this.#isHarmful = isHarmful
    this.#random = random
    this.#retries = new RetryQueue(random)
    this.desired = new DesiredState((key) => {
      this.#dirty.add(key)
      this.#retries.forget(key)
      onDirty()
    })
  }

  /** How many resources of ours the drivers hold. */
  get actualSize(): number {
    return this.#actual.size
  }

  /** Some key that the drivers hold; for messages. */
  get anyActualKey(): string | undefined {
    const [key] = this.#actual.keys()
    return key
  }

  get failures(): readonly Failure[] {
    return this.#retries.list()
  }

  /** Whether the actual state has been read, and not been put in doubt since. Nothing is written before. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  get hasDirty(): boolean {
    return this.#dirty.size > 0
  }

  /** Whether every key is clean, and all that is undesired may be deleted. */
  get isInSync(): boolean {
    return this.#isGateOpen && this.#isKnown && this.#dirty.size === 0 && this.#retries.size === 0
  }

  /** When the next failing key is due; infinite if none is failing. */
  get retryAt(): number {
    return this.#retries.nextDueAt()
  }

  /** From now on, actual resources that are not desired are deleted. Call it once all leases are known. */
  openGate(): void {
    if (this.#isGateOpen) return
    this.#isGateOpen = true
    this.#markUndesired()
  }

  /** The actual state is in doubt: nothing is written until it is read again. */
  invalidate(): void {
    this.#isKnown = false
  }

  /**
   * Takes in a complete read. Marks each key that differs as dirty, and returns those that were clean: changed by
   * others, or by our own writes' side effects, which only the caller can tell apart.
   *
   * The desired state may change, and the gate open, between two slices. Nothing may be taken before it has resolved.
   */
  async observe(actual: Map<string, Resource>, slices?: Slices): Promise<readonly Drift[]> {
    const drift: Drift[] = []
    const before = this.#actual
    const wasGateOpen = this.#isGateOpen
    for (const desired of this.desired) {
      if (slices?.isOver()) await slices.turn()
      const { key } = desired
      const found = actual.get(key)
      if (found !== undefined && satisfies(found, desired)) {
        // Equal in all that is desired: keeping one object of the two halves what a large network costs.
        actual.set(key, desired)
        this.#retries.forget(key)
        continue
      }
      const wasClean = !this.#dirty.has(key) && !this.#retries.has(key)
      if (wasClean && before.has(key)) drift.push({ key, was: found === undefined ? 'missing' : 'changed' })
      this.#dirty.add(key)
    }
    for (const [key, resource] of actual) {
      if (slices?.isOver()) await slices.turn()
      if (this.desired.get(key) !== undefined) continue
      if (this.#isGateOpen && !before.has(key)) drift.push({ key, was: 'unexpected' })
      if (this.#isGateOpen || this.#isHarmful(resource)) this.#dirty.add(key)
    }
    for (const { key } of this.#retries.list()) {
      if (!actual.has(key) && this.desired.get(key) === undefined) this.#retries.forget(key)
    }
    this.#retries.proven((key) => this.#dirty.has(key))
    this.#actual = actual
    this.#isKnown = true
    if (this.#isGateOpen && !wasGateOpen) this.#markUndesired()
    return drift
  }

  /**
   * Takes the dirty keys and the retries that are due, and returns what they call for.
   *
   * @param written what this round has written already, by key: what still differs from it did not hold
   */
  take(now: number, written: ReadonlyMap<string, Operation>): Delta {
    const keys = this.#dirty
    this.#dirty = new Set()
    if (this.#retries.size > 0) for (const key of keys) if (this.#retries.has(key)) keys.delete(key)
    for (const key of this.#retries.due(now)) keys.add(key)
    const operations: Operation[] = []
    const didNotHold: Operation[] = []
    for (const key of keys) {
      const operation = this.#permitted(this.#actual.get(key), key)
      if (operation === undefined) this.#retries.forget(key)
      else if (isSameWrite(operation, written.get(key))) didNotHold.push(operation)
      else operations.push(operation)
    }
    return { operations, didNotHold }
  }

  /** What it takes to get from `actual` to the desired state, in the order in which it would be written. */
  plan(actual: ReadonlyMap<string, Resource>): readonly Operation[] {
    const keys = new Set(actual.keys())
    for (const { key } of this.desired) keys.add(key)
    const operations: Operation[] = []
    for (const key of keys) {
      const operation = this.#permitted(actual.get(key), key)
      if (operation !== undefined) operations.push(operation)
    }
    return inPhases(operations).flatMap((phase) => phase.operations)
  }

  /** The write succeeded. Whether it holds, the next read shows. */
  succeeded({ type, resource }: Operation): void {
    this.#retries.succeeded(resource.key)
    if (type === 'put') this.#actual.set(resource.key, resource)
    else this.#actual.delete(resource.key)
  }

  /** The write was refused, or did not hold: it is retried with backoff. */
  failed({ resource }: Operation, error: OverlayError, now: number): void {
    this.#retries.failed(resource.key, error, now)
  }

  /**
   * Others have changed these keys, which the last read shows. Those that they change again and again are held back, and
   * restored later and later; what does harm is not.
   *
   * @param by who changed them, if that is known
   * @returns the keys that are held back, and what to report of them, once for each fight
   */
  contest(keys: readonly string[], now: number, by: Program | undefined): Contested {
    const held = new Set<string>()
    for (const [key, { delayMs, changes }] of this.#contests.changed(keys, now, this.#random)) {
      const actual = this.#actual.get(key)
      if (actual !== undefined && this.desired.get(key) === undefined && this.#isHarmful(actual)) continue
      this.#retries.hold(key, contestError([key], by), { now, delayMs, attempts: changes })
      held.add(key)
    }
    const isNew = held.size > 0 && !this.#contests.isReported(by)
    return { held, error: isNew ? contestError([...held], by) : undefined }
  }

  /** Whether a key that is held back still waits to be restored. */
  isContested(now: number): boolean {
    return this.#contests.isWaiting(now)
  }

  /** These were taken, and not written after all. */
  putBack(operations: Iterable<Operation>): void {
    for (const { resource } of operations) this.#dirty.add(resource.key)
  }

  /** Every failing key may be retried now: what made them fail has changed. */
  retryNow(): void {
    this.#retries.hasten()
  }

  #markUndesired(): void {
    for (const key of this.#actual.keys()) if (this.desired.get(key) === undefined) this.#dirty.add(key)
  }

  /** Before the gate opens nothing is deleted, unless it does harm. */
  #permitted(actual: Resource | undefined, key: string): Operation | undefined {
    const operation = operationFor(actual, this.desired.get(key))
    if (operation?.type !== 'delete' || this.#isGateOpen || this.#isHarmful(operation.resource))
      return operation
    return undefined
  }
}

const isSameWrite = (operation: Operation, written: Operation | undefined): boolean =>
  operation.type === written?.type &&
  (operation.type === 'delete' || sameResource(operation.resource, written.resource))
