import { setImmediate } from 'node:timers'
import type { Clock, SleepOptions } from '@selvedge/core'

/** A sleep on a `FakeClock` that has not ended. */
export interface PendingSleep {
  /** When it wakes, on `monotonic()`, in ms. */
  readonly due: number
  /** What was asked for, in ms. */
  readonly milliseconds: number
}

/** What a `FakeClock` starts with. */
export interface FakeClockOptions {
  /** What `now()` starts at, in ms since the epoch. Default: 2024-01-01T00:00:00Z. */
  readonly now?: number
}

interface Sleeper extends PendingSleep {
  readonly order: number
  readonly wake: () => void
}

/** Code that sleeps in a loop without letting time pass would keep `advance` busy forever; this makes it an error. */
const MAX_WAKES = 1_000_000

/** How many sleeps a message names. */
const MAX_SHOWN = 5

/** Turns of the event loop without a new sleep or an abort after which nothing is expected to run any more. */
const QUIET_TURNS = 2

/**
 * A clock that moves only when a test moves it. What sleeps on it wakes in the order of its due times, and what each wakes
 * runs to its next sleep before the following one wakes, so that a test sees the same order every time.
 */
export class FakeClock implements Clock {
  #epoch: number
  #elapsed = 0
  #registered = 0
  #activity = 0
  readonly #sleepers = new Set<Sleeper>()

  constructor({ now = Date.UTC(2024, 0, 1) }: FakeClockOptions = {}) {
    this.#epoch = now
  }

  now(): number {
    return this.#epoch + this.#elapsed
  }

  monotonic(): number {
    return this.#elapsed
  }

  /** The sleeps under way, the first to wake first. */
  get pending(): readonly PendingSleep[] {
    return [...this.#sleepers].sort(byDue).map(({ due, milliseconds }) => ({ due, milliseconds }))
  }

  sleep(milliseconds: number, { signal }: SleepOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const sleeper: Sleeper = {
        due: this.#elapsed + Math.max(0, milliseconds),
        milliseconds,
        order: this.#registered++,
        wake: () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      const onAbort = () => {
        this.#activity += 1
        this.#sleepers.delete(sleeper)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#activity += 1
      this.#sleepers.add(sleeper)
    })
  }

  /** Sets the time of day forward or back, in ms, as an operator does. Durations do not change. */
  jump(milliseconds: number): void {
    this.#epoch += milliseconds
  }

  /**
   * Lets `milliseconds` pass, and wakes all that is due meanwhile, what begins to sleep meanwhile included. Rejects
   * with a TypeError for less than 0.
   */
  async advance(milliseconds: number): Promise<void> {
    if (!(milliseconds >= 0)) throw new TypeError(`time cannot be advanced by ${milliseconds} ms`)
    const end = this.#elapsed + milliseconds
    await this.#wakeUntil(end, () => false)
    this.#elapsed = end
  }

  /**
   * Lets time pass, from one sleeper to the next, until `condition` holds. Throws if it still does not hold after
   * `maxMs` (default: a minute), or once nothing sleeps any more.
   */
  async advanceUntil(condition: () => boolean, maxMs = 60_000): Promise<void> {
    const begun = this.#elapsed
    if (await this.#wakeUntil(begun + maxMs, condition)) return
    const passed = this.#elapsed - begun
    throw new Error(`the condition did not hold after ${passed} ms of fake time; ${this.#asleep()}`)
  }

  /** Lets everything run that can run without time passing. */
  async settle(): Promise<void> {
    for (let quiet = 0, seen = this.#activity; quiet < QUIET_TURNS; ) {
      await turn()
      quiet = seen === this.#activity ? quiet + 1 : 0
      seen = this.#activity
    }
  }

  /** The sleeps under way, for messages. */
  #asleep(): string {
    const sleeps = this.pending
    if (sleeps.length === 0) return 'nothing sleeps'
    const shown = sleeps
      .slice(0, MAX_SHOWN)
      .map(({ due, milliseconds }) => `${milliseconds} ms, which ends in ${due - this.#elapsed} ms`)
    const more = sleeps.length > MAX_SHOWN ? `; and ${sleeps.length - MAX_SHOWN} more` : ''
    return `still asleep: ${shown.join('; ')}${more}`
  }

  /** Returns whether the condition came to hold. Leaves time at the last sleeper woken. */
  async #wakeUntil(end: number, condition: () => boolean): Promise<boolean> {
    for (let wakes = 0; ; wakes += 1) {
      await this.settle()
      if (condition()) return true
      const next = this.#next()
      if (next === undefined || next.due > end) return false
      if (wakes === MAX_WAKES)
        throw new Error(`${MAX_WAKES} sleeps ended before ${end} ms: a loop that never rests`)
      this.#sleepers.delete(next)
      this.#elapsed = Math.max(this.#elapsed, next.due)
      next.wake()
    }
  }

  #next(): Sleeper | undefined {
    let next: Sleeper | undefined
    for (const sleeper of this.#sleepers) if (next === undefined || byDue(sleeper, next) < 0) next = sleeper
    return next
  }
}

const byDue = (a: Sleeper, b: Sleeper): number => a.due - b.due || a.order - b.order

/** Microtasks all run before it; the timers module's own function, so that a test framework's fakes do not matter. */
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))
