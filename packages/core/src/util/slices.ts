import type { Clock, SleepOptions } from './clock.js'

/** How long the work between two turns of the event loop takes, in ms. What else the process does waits no longer. */
const SLICE_MS = 10

/** Looking at the clock takes as long as handling a small item. */
const ITEMS_PER_LOOK = 128

/**
 * Splits work on tens of thousands of items, so that timers, requests and signals need not wait for the end of it:
 *
 *     for (const item of items) {
 *       if (slices.isOver()) await slices.turn()
 *       …
 *     }
 */
export class Slices {
  readonly #clock: Pick<Clock, 'monotonic' | 'sleep'>
  #endsAt: number
  #items = 0

  constructor(clock: Pick<Clock, 'monotonic' | 'sleep'>) {
    this.#clock = clock
    this.#endsAt = clock.monotonic() + SLICE_MS
  }

  /** Whether the event loop is to turn before the next item. Call it once for each. */
  isOver(): boolean {
    this.#items += 1
    return this.#items % ITEMS_PER_LOOK === 0 && this.#clock.monotonic() >= this.#endsAt
  }

  /** Lets the event loop turn. Rejects if the signal aborts. */
  async turn(options?: SleepOptions): Promise<void> {
    await this.#clock.sleep(0, options)
    this.#endsAt = this.#clock.monotonic() + SLICE_MS
  }
}
