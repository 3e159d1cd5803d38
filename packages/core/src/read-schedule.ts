import type { Random } from './clock.js'

export interface ReadScheduleOptions {
  /** A read at least this often, in ms, give or take a fifth. */
  readonly resyncInterval: number
}

/**
 * After a read that found somebody else's changes, the next one that a notification asks for waits this long, and
 * twice as long each time up to `LONGEST_GAP`: whoever deletes in a loop gets about one round of repairs a second, and a
 * single accident is mended at once.
 */
const FIRST_GAP = 20
const LONGEST_GAP = 1_000
/** So long without drift, and the next accident is mended at once again. */
const CALM = 5_000
/** Reading takes at most about a fifth of one core, however many notifications come: gap = 4 × the last read. */
const REST_PER_READ = 4

/**
 * When to read the drivers again: at once when asked, on a jittered timer when nobody asks, and at a bounded rate
 * when somebody fights us. Pure but for its own memory: every time is handed in (ms, monotonic).
 */
export class ReadSchedule {
  readonly #options: ReadScheduleOptions
  readonly #random: Random
  #asked = true
  #timer = 0
  #earliest = 0
  #gap = FIRST_GAP
  #lastDrift = Number.NEGATIVE_INFINITY

  constructor(options: ReadScheduleOptions, random: Random) {
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
    if (drifted) {
      this.#gap = now - this.#lastDrift > CALM ? FIRST_GAP : Math.min(LONGEST_GAP, this.#gap * 2)
      this.#lastDrift = now
    }
    this.#earliest = now + Math.max(drifted ? this.#gap : 0, took * REST_PER_READ)
    this.#timer = now + this.#options.resyncInterval * (0.8 + 0.4 * this.#random())
  }

  /** A read that failed is asked for again, `delay` ms from now at the earliest. */
  failed(now: number, delay: number): void {
    this.#asked = true
    this.#earliest = now + delay
  }
}
