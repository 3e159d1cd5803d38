import type { Clock } from '@selvedge/core'
import { Wakeup } from '@selvedge/core/kit'

export interface SaveSchedulerOptions {
  readonly clock: Clock
  readonly save: () => Promise<void>
  /** Called with the first of several failures in a row. */
  readonly onError: (error: unknown) => void
}

/** How long a change waits for others to be saved with it. */
const FIRST_DELAY_MS = 1_000

/** Between two saves, and before one that failed is repeated. */
const REST_MS = 30_000

/** Urgent saves, too, take at most a tenth of the time. */
const MIN_REST_RATIO = 10

/** Saves what changes, soon but not often. One save at a time. Idle until the first request. */
export class SaveScheduler implements AsyncDisposable {
  readonly #options: SaveSchedulerOptions
  readonly #closed = new AbortController()
  readonly #hurry = new Wakeup()
  /** Since when there is something to save. */
  #requestedAt: number | undefined
  #isUrgent = false
  #isFailing = false
  #running: Promise<void> | undefined
  #restUntil = Number.NEGATIVE_INFINITY
  #urgentRestUntil = Number.NEGATIVE_INFINITY

  constructor(options: SaveSchedulerOptions) {
    this.#options = options
  }

  /** There is something to save; an urgent change waits for no other. */
  request({ urgent = false } = {}): void {
    this.#requestedAt ??= this.#options.clock.monotonic()
    if (urgent) {
      this.#isUrgent = true
      this.#hurry.wake()
    }
    if (!this.#closed.signal.aborted) this.#running ??= this.#run(this.#closed.signal)
  }

  /** Saves what has not been saved yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    await this.#running
    if (this.#requestedAt !== undefined) await this.#save()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (this.#requestedAt !== undefined && !signal.aborted) {
      const dueAt = this.#isUrgent
        ? this.#urgentRestUntil
        : Math.max(this.#requestedAt + FIRST_DELAY_MS, this.#restUntil)
      const waitMs = dueAt - clock.monotonic()
      if (waitMs > 0) await this.#hurry.sleep(waitMs, clock, signal).catch(() => undefined)
      else await this.#save()
    }
    this.#running = undefined
  }

  async #save(): Promise<void> {
    const { clock, save, onError } = this.#options
    const start = clock.monotonic()
    this.#requestedAt = undefined
    this.#isUrgent = false
    try {
      await save()
      this.#isFailing = false
    } catch (error) {
      this.#requestedAt ??= start
      // A disk stays full for a while.
      if (!this.#isFailing) onError(error)
      this.#isFailing = true
    }
    const end = clock.monotonic()
    this.#restUntil = end + REST_MS
    this.#urgentRestUntil = this.#isFailing
      ? this.#restUntil
      : Math.min(this.#restUntil, end + (end - start) * MIN_REST_RATIO)
  }
}
