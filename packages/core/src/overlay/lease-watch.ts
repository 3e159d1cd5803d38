import type { LeaseEvent, SubnetManager } from '../contract/subnet-manager.js'
import type { Clock } from '../util/clock.js'
import { isAboutRecords, OverlayError } from '../util/errors.js'
import { Wakeup } from '../util/wakeup.js'
import type { StoreEvent } from './reports.js'

export interface LeaseWatchOptions {
  readonly subnets: SubnetManager
  readonly clock: Clock
  readonly onEvent: (event: LeaseEvent) => void
  readonly onError: (error: OverlayError) => void
  readonly onStore: (event: StoreEvent) => void
}

/** A watch that ended although it should not have is opened again after this long. */
const REOPEN_DELAY_MS = 1_000

/** That the store is away is reported at first, and then after 2 s, 4 s and so on, up to a minute. */
const FIRST_REPEAT_MS = 2_000
const MAX_REPEAT_MS = 60_000

/** How long `whenListed` waits for a store that is away: etcd elects a leader, an API server restarts, within seconds. */
const PATIENCE_MS = 10_000

/** Watches everyone's leases for as long as it runs: a watch that ends is opened again. No store's fault ends it. */
export class LeaseWatch {
  readonly #options: LeaseWatchOptions
  #asOf: number | undefined
  #error: OverlayError | undefined
  /** Since when the store is away, and when that is reported again, in ms, monotonic; undefined while it is well. */
  #away: { readonly since: number; repeatAt: number; repeatMs: number } | undefined
  #isListed = false
  readonly #progress = new Wakeup()

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

  /**
   * Resolves once the store has given its first list of leases, or a cache the leases that it knows. Rejects with what
   * prevents that: at once if waiting does not help, such as denied access, and after ten seconds if the store is
   * unavailable. `run` goes on either way.
   */
  async whenListed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    let giveUpAt = Number.POSITIVE_INFINITY
    while (!this.#isListed) {
      const now = clock.monotonic()
      if (this.#error !== undefined) {
        giveUpAt = Math.min(giveUpAt, now + PATIENCE_MS)
        if (this.#error.code !== 'STORE_UNAVAILABLE' || now >= giveUpAt) throw this.#error
      }
      await this.#progress.sleep(giveUpAt - now, clock, signal)
    }
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
          // Single leases before the first snapshot are a cache's: all that it knows while the store is away.
          this.#isListed = true
          this.#progress.wake()
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
    if (this.#away === undefined) return
    const awayMs = this.#options.clock.monotonic() - this.#away.since
    this.#away = undefined
    this.#options.onStore({ type: 'back', awayMs })
  }

  #failed(thrown: unknown): void {
    const { subnets, onError } = this.#options
    const error = OverlayError.from(thrown, 'STORE_UNAVAILABLE', `watching leases in ${subnets.name}`)
    if (isAboutRecords(error)) onError(error)
    else this.#storeFailed(error)
    this.#progress.wake()
  }

  /** It fails again and again while the store is away. Another reason is reported at once. */
  #storeFailed(error: OverlayError): void {
    const { onError, onStore } = this.#options
    const now = this.#options.clock.monotonic()
    const before = this.#error
    this.#error = error
    if (this.#away === undefined) {
      this.#away = { since: now, repeatAt: now + FIRST_REPEAT_MS, repeatMs: FIRST_REPEAT_MS }
      onError(error)
      onStore({ type: 'away', error })
      return
    }
    if (before?.code === error.code && now < this.#away.repeatAt) return
    this.#away.repeatMs = Math.min(MAX_REPEAT_MS, this.#away.repeatMs * 2)
    this.#away.repeatAt = now + this.#away.repeatMs
    onError(error)
  }
}
