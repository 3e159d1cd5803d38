import type { Random } from '../util/clock.js'

export interface ResyncSchedulerOptions {
  /** A read at least this often, jittered by a fifth either way. */
  readonly resyncIntervalMs: number
}

/**
 * How many reads that find others' changes may follow one another at once: accidents are repaired within milliseconds.
 */
const BURST = 10
/** Beyond that one in this many ms: a program that deletes in a loop meets one round of repairs a second. */
const REFILL_MS = 1_000
/** Reading takes at most about a fifth of one core, however many notifications come: gap = 4 × the last read. */
const REST_PER_READ = 4

/**
 * When to read the drivers again: at once when asked, on a jittered timer otherwise, and at a bounded rate if another
 * program fights us. Every time is an argument (ms, monotonic).
 */
export class ResyncScheduler {
  readonly #options: ResyncSchedulerOptions
  readonly #random: Random
  #asked = true
  #timer = 0
  #earliest = 0
  /** How many more reads may find drift before the next has to wait; a fraction is one that is coming. */
  #tokens = BURST
  #refilledAt = 0

  constructor(options: ResyncSchedulerOptions, random: Random) {
    this.#options = options
    this.#random = random
  }

  /** Whether a read was asked for and has not begun yet. */
  get asked(): boolean {
    return this.#asked
  }

  ask(): void {
    this.#asked = true
  }

  /** When the next read is due. */
  dueAt(): number {
    return this.#asked ? this.#earliest : Math.max(this.#timer, this.#earliest)
  }

  /** Notifications from here on may be of changes that the read does not see: they ask again. */
  begun(): void {
    this.#asked = false
  }

  ended(now: number, { took, drifted }: { took: number; drifted: boolean }): void {
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#refilledAt) / REFILL_MS) - (drifted ? 1 : 0)
    this.#refilledAt = now
    const untilNextToken = drifted ? Math.max(0, 1 - this.#tokens) * REFILL_MS : 0
    this.#earliest = now + Math.max(untilNextToken, took * REST_PER_READ)
    this.#timer = now + this.#options.resyncIntervalMs * (0.8 + 0.4 * this.#random())
  }

  /** A read that failed is asked for again, `delayMs` from now at the earliest. */
  failed(now: number, delayMs: number): void {
    this.#asked = true
    this.#earliest = now + delayMs
  }
}
