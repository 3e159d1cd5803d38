import type { Clock } from '@selvedge/core'
import type { BucketState } from './bucket.js'
import type { Entry } from './entry.js'

/** How many keys whose time is over are looked for at once. */
const MAX_DUE = 20

/**
 * How long the marks of deleted keys last at least, in ms, in a bucket without an age limit: those of keys that have no end. Of a
 * key that has one, it is noticed that it has passed.
 */
const MARKS_LAST_MS = 3_600_000

/** A key that ends sooner may be gone already, in ms. */
const SOON_MS = 5_000

interface KnownKey {
  readonly seq: number
  /** When its time is over, on the server's clock, in ms since the epoch; infinite if never. */
  readonly endsAt: number
  readonly isDeleted: boolean
}

/** What a watch knows of a bucket: enough to notice what the server does not report. */
export class KnownKeys {
  readonly #clock: Clock
  /** In the order in which they were stored: of those that end, the first to end is in front. */
  readonly #keys = new Map<string, KnownKey>()
  #state: BucketState | undefined
  #seq = 0
  /** When the server was last heard of, on this host's monotonic clock. */
  #heardAt = 0
  /** What to add to this host's monotonic clock for the server's. */
  #serverClock = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The last message that is known. */
  get seq(): number {
    return this.#seq
  }

  get size(): number {
    return this.#keys.size
  }

  /** In how many ms the time of the next key is over; infinite if of none. */
  get nextEndInMs(): number {
    for (const { endsAt } of this.#keys.values()) {
      if (endsAt < Number.POSITIVE_INFINITY) return endsAt - this.#serverNow
    }
    return Number.POSITIVE_INFINITY
  }

  /** Whether a watch from the last message on misses nothing. */
  allows(state: BucketState): boolean {
    if (this.#state === undefined || this.contradicts(state)) return false
    const away = this.#clock.monotonic() - this.#heardAt
    return away < (this.#state.maxAgeMs > 0 ? this.#state.maxAgeMs : MARKS_LAST_MS) / 2
  }

  /** Whether the bucket has lost what is known of it: it is another one, has gone back, or was purged. */
  contradicts(state: BucketState): boolean {
    const known = this.#state
    if (known === undefined) return false
    if (state.id !== known.id || state.lastSeq < this.#seq) return true
    const lasting = this.#lasting()
    return lasting.length > 0 && lasting.every(({ seq }) => seq < state.firstSeq)
  }

  /** Whether the bucket holds less than it should, although nothing is on its way. */
  lacks(state: BucketState): boolean {
    if (this.contradicts(state)) return true
    return state.lastSeq === this.#seq && state.keys < this.#lasting().length
  }

  /** @param serverNow the server's clock, in ms since the epoch */
  reset(state: BucketState, entries: readonly Entry[], serverNow: number): void {
    this.#keys.clear()
    this.#seq = state.lastSeq
    this.resume(state, serverNow)
    this.add(entries)
  }

  resume(state: BucketState, serverNow: number): void {
    this.#state = state
    this.#serverClock = serverNow - this.#clock.monotonic()
    this.#heardAt = this.#clock.monotonic()
  }

  add(entries: readonly Entry[]): void {
    this.#heardAt = this.#clock.monotonic()
    for (const { key, seq, storedAt, value, ttlMs } of entries) {
      const keptMs = ttlMs ?? (this.#state?.maxAgeMs || Number.POSITIVE_INFINITY)
      this.#keys.delete(key)
      this.#keys.set(key, { seq, endsAt: storedAt + keptMs, isDeleted: value === undefined })
      this.#seq = Math.max(this.#seq, seq)
    }
  }

  /** The server has just been heard of. */
  touch(): void {
    this.#heardAt = this.#clock.monotonic()
  }

  /** Keys whose time is over. Those that were deleted before are forgotten. */
  due(): readonly { readonly key: string; readonly seq: number }[] {
    const due: { readonly key: string; readonly seq: number }[] = []
    for (const [key, { seq, endsAt, isDeleted }] of this.#keys) {
      if (endsAt === Number.POSITIVE_INFINITY) continue
      if (endsAt > this.#serverNow || due.length === MAX_DUE) break
      if (isDeleted) this.#keys.delete(key)
      else due.push({ key, seq })
    }
    return due
  }

  drop(key: string): void {
    this.#keys.delete(key)
  }

  /** The bucket is gone. True if it was known before. */
  forget(): boolean {
    const wasKnown = this.#state !== undefined
    this.#state = undefined
    this.#keys.clear()
    this.#seq = 0
    return wasKnown
  }

  get #serverNow(): number {
    return this.#clock.monotonic() + this.#serverClock
  }

  /** Keys that the server has for sure, if nobody deletes them. */
  #lasting(): readonly KnownKey[] {
    const soon = this.#serverNow + SOON_MS
    return [...this.#keys.values()].filter(({ endsAt, isDeleted }) => !isDeleted && endsAt > soon)
  }
}
