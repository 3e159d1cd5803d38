import type { Clock } from '@selvedge/core'

export interface SaverOptions {
  readonly clock: Clock
  readonly save: () => Promise<void>
  readonly onError: (error: unknown) => void
}

/** A first change is saved after this long, in ms: what comes with it is saved with it. */
const FIRST_DELAY = 1_000

/** No more often than this, in ms; nor is a save that failed repeated sooner. */
const REST = 30_000

/** Saves what changes, soon but not often. One save at a time. Idle until first asked. */
export class Saver implements AsyncDisposable {
  readonly #options: SaverOptions
  readonly #closed = new AbortController()
  #asked = false
  #failing = false
  #running: Promise<void> | undefined
  #restUntil = Number.NEGATIVE_INFINITY

  constructor(options: SaverOptions) {
    this.#options = options
  }

  /** There is something new to save. */
  ask(): void {
    this.#asked = true
    if (!this.#closed.signal.aborted) this.#running ??= this.#run()
  }

  /** Saves what has not been saved yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort()
    await this.#running
    if (this.#asked) await this.#save()
  }

  async #run(): Promise<void> {
    const { clock } = this.#options
    while (this.#asked && !this.#closed.signal.aborted) {
      const delay = Math.max(FIRST_DELAY, this.#restUntil - clock.monotonic())
      await clock.sleep(delay, { signal: this.#closed.signal }).catch(() => undefined)
      if (!this.#closed.signal.aborted) await this.#save()
    }
    this.#running = undefined
  }

  async #save(): Promise<void> {
    const { clock, save, onError } = this.#options
    this.#asked = false
    try {
      await save()
      this.#failing = false
    } catch (error) {
      this.#asked = true
      // A disk stays full for a while: told once.
      if (!this.#failing) onError(error)
      this.#failing = true
    }
    this.#restUntil = clock.monotonic() + REST
  }
}
