import type { Random } from '../util/clock.js'

export interface ResyncSchedulerOptions {
  /** A read at least this often, in ms, give or take a fifth. */
  readonly resyncIntervalMs: number
}

/**
 * So many reads that find somebody else's changes may follow one another at once: accidents are mended within
 * milliseconds.
 */
const BURST = 10
/** And then one each so many ms: whoever deletes in a loop gets one round of repairs a second. */
const REFILL = 1_000
/** Reading takes at most about a fifth of one core, however many notifications come: gap = 4 × the last read. */
const REST_PER_READ = 4

/**
 * When to read the drivers again: at once when asked, on a jittered timer when nobody asks, and at a bounded rate
 * when somebody fights us. Pure but for its own memory: every time is handed in (ms, monotonic).
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

  /** True where a read was asked for and has not begun yet. */
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

  /** Notifications that come from here on may be of changes the read does not see: they ask anew. */
  begun(): void {
    this.#asked = false
  }

  ended(now: number, { took, drifted }: { took: number; drifted: boolean }): void {
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#refilledAt) / REFILL) - (drifted ? 1 : 0)
    this.#refilledAt = now
    const untilNextToken = drifted ? Math.max(0, 1 - this.#tokens) * REFILL : 0
    this.#earliest = now + Math.max(untilNextToken, took * REST_PER_READ)
    this.#timer = now + this.#options.resyncIntervalMs * (0.8 + 0.4 * this.#random())
  }

  /** A read that failed is asked for again, `delay` ms from now at the earliest. */
  failed(now: number, delay: number): void {
    this.#asked = true
    this.#earliest = now + delay
  }
}
