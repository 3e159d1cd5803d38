import type { LeaseEvent, SubnetManager } from '../contract/subnet-manager.js'
import type { Clock } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'

export interface LeaseWatchOptions {
  readonly subnets: SubnetManager
  readonly clock: Clock
  readonly onEvent: (event: LeaseEvent) => void
  readonly onError: (error: OverlayError) => void
}

/** A watch that ended although it should not have is opened again after this long, in ms. */
const REOPEN_DELAY_MS = 1_000

/** Watches everyone's leases for as long as it runs: a watch that ends is opened again. No store's fault ends it. */
export class LeaseWatch {
  readonly #options: LeaseWatchOptions
  #asOf: number | undefined
  #error: OverlayError | undefined

  constructor(options: LeaseWatchOptions) {
    this.#options = options
  }

  /** When what the store said last was known to be up to date, in ms since the epoch. */
  get asOf(): number | undefined {
    return this.#asOf
  }

  /** What keeps the store from saying more; undefined while it is well. */
  get error(): OverlayError | undefined {
    return this.#error
  }

  /** Runs until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { subnets, clock, onEvent } = this.#options
    while (!signal.aborted) {
      try {
        for await (const event of subnets.watchLeases({
          signal,
          onError: (error) => this.#failed(error),
          onRecovered: () => this.#answered(),
        })) {
          this.#answered()
          onEvent(event)
        }
      } catch (error) {
        if (!signal.aborted) this.#failed(error)
      }
      await clock.sleep(REOPEN_DELAY_MS, { signal }).catch(() => undefined)
    }
  }

  #answered(): void {
    this.#asOf = this.#options.clock.now()
    this.#error = undefined
  }

  #failed(thrown: unknown): void {
    const { subnets, onError } = this.#options
    const error = OverlayError.from(thrown, 'STORE_UNAVAILABLE', `watching leases in ${subnets.name}`)
    // A record that is no lease says nothing about the store.
    if (error.code !== 'INVALID_LEASE') this.#error = error
    onError(error)
  }
}
