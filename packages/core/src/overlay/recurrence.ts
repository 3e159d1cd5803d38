export interface RecurrenceOptions {
  /** How long to wait after the first time, in ms. */
  readonly firstMs: number
  /** The longest wait, in ms. */
  readonly maxMs: number
  /** After this long without it, in ms, the next time counts as the first. */
  readonly stableMs: number
}

/** What happens again and again is waited for longer each time: twice as long, up to a bound. */
export class Recurrence {
  readonly #options: RecurrenceOptions
  #count = 0

  constructor(options: RecurrenceOptions) {
    this.#options = options
  }

  /** How often it has happened, each time soon after the last. */
  get count(): number {
    return this.#count
  }

  /** How long to wait, in ms. */
  get delayMs(): number {
    const { firstMs, maxMs } = this.#options
    return Math.min(maxMs, firstMs * 2 ** Math.min(Math.max(0, this.#count - 1), 30))
  }

  /** It has happened, after this long without it, in ms. */
  add(quietMs: number): void {
    this.#count = quietMs < this.#options.stableMs ? this.#count + 1 : 1
  }
}
