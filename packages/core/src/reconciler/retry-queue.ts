import type { Random } from '../util/clock.js'
import type { OverlayError } from '../util/errors.js'
import { backoffDelay } from '../util/retry.js'

/** A key whose write failed, or that another program keeps changing. */
export interface Failure {
  /** Of the resource. */
  readonly key: string
  /** Why the last attempt failed; `RESOURCE_CONTESTED` if it is held back, as another program keeps changing it. */
  readonly error: OverlayError
  /** Consecutive failures or changes, from 1. */
  readonly attempts: number
}

/** For how long a key is held back, from now on (ms, monotonic), and how often it has been changed. */
export interface Hold {
  readonly now: number
  readonly delayMs: number
  readonly attempts: number
}

/** A key that fails is retried after 100 ms to 30 s: a lasting fault must neither burn a core nor fill a log. */
const BACKOFF = { firstMs: 100, maxMs: 30_000 }

/** The keys whose last write failed, and when to retry each (ms, monotonic). */
export class RetryQueue {
  readonly #failures = new Map<string, Failure & { dueAt: number }>()
  /** Earlier failures of keys whose write has succeeded since, but has not been read back yet. */
  readonly #doubted = new Map<string, number>()
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#failures.size
  }

  list(): readonly Failure[] {
    return [...this.#failures.values()].map(({ key, error, attempts }) => ({ key, error, attempts }))
  }

  has(key: string): boolean {
    return this.#failures.has(key)
  }

  failed(key: string, error: OverlayError, now: number): void {
    const attempts = (this.#failures.get(key)?.attempts ?? this.#doubted.get(key) ?? 0) + 1
    this.#doubted.delete(key)
    this.#failures.set(key, {
      key,
      error,
      attempts,
      dueAt: now + backoffDelay(attempts, BACKOFF, this.#random),
    })
  }

  /** Another program keeps changing it: it is written again after this long, in ms, or later if its writes fail besides. */
  hold(key: string, error: OverlayError, { now, delayMs, attempts }: Hold): void {
    const dueAt = Math.max(this.#failures.get(key)?.dueAt ?? 0, now + delayMs)
    this.#failures.set(key, { key, error, attempts, dueAt })
  }

  /** Its write succeeded. If it turns out not to hold, earlier failures still count. */
  succeeded(key: string): void {
    const failure = this.#failures.get(key)
    if (failure === undefined) return
    this.#failures.delete(key)
    this.#doubted.set(key, failure.attempts)
  }

  /** A read has shown which keys still differ: the others' earlier failures no longer count. */
  proven(differs: (key: string) => boolean): void {
    for (const key of this.#doubted.keys()) if (!differs(key)) this.#doubted.delete(key)
  }

  /** It holds, or its desired resource changed: earlier failures do not count. */
  forget(key: string): void {
    this.#failures.delete(key)
    this.#doubted.delete(key)
  }

  /** Every key may be retried now: what made them fail has changed. */
  hasten(): void {
    for (const failure of this.#failures.values()) failure.dueAt = 0
  }

  due(now: number): readonly string[] {
    const keys: string[] = []
    for (const { key, dueAt } of this.#failures.values()) if (dueAt <= now) keys.push(key)
    return keys
  }

  /** When the next key is due; infinite if none is failing. */
  nextDueAt(): number {
    let next = Number.POSITIVE_INFINITY
    for (const { dueAt } of this.#failures.values()) next = Math.min(next, dueAt)
    return next
  }
}
