import type { AbortOptions, Clock, Random } from '@selvedge/core'
import { backoffDelay, Wakeup } from '@selvedge/core/kit'
import type { Logger } from './logging/logger.js'

export interface NetworkConditionOptions {
  /** Tells the store that pods of this node have a network; or that they have none, and why. Cheap when called again. */
  readonly report: (whyUnavailable: string | undefined, options: AbortOptions) => Promise<void>
  /** Why this node is cut off from its peers now; undefined if it is not. Absent if peers are not probed. */
  readonly whyIsolated?: (() => string | undefined) | undefined
  readonly log: Logger
  readonly clock: Clock
  readonly random: Random
}

const LOOK_MS = 1_000
/**
 * A change is reported once it has lasted this long, either way: what heals by itself within seconds is not worth a taint.
 * Kubernetes' own reports of a node come every 10 s too.
 */
const SETTLE_MS = 10_000
/** A failed report to the store is retried after one to 30 s. */
const BACKOFF = { firstMs: 1_000, maxMs: 30_000 }

/** What is reported: that the network is available, or why not. */
interface Condition {
  readonly whyUnavailable: string | undefined
}

const AVAILABLE: Condition = { whyUnavailable: undefined }

/** Keeps the store informed of whether pods of this node have a network: they do at first, then what probes find counts. */
export class NetworkCondition {
  readonly #options: NetworkConditionOptions
  readonly #wakeup = new Wakeup()
  #current = AVAILABLE
  #reported: Condition | undefined
  /** Since when probes find something else than `#current`. */
  #differsSince: number | undefined
  #failures = 0

  constructor(options: NetworkConditionOptions) {
    this.#options = options
  }

  /** Reports once more: the node may be another object of the same name by now. */
  again(): void {
    this.#reported = undefined
    this.#wakeup.wake()
  }

  /** Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { whyIsolated, clock, random } = this.#options
    const pauseMs = whyIsolated === undefined ? Number.POSITIVE_INFINITY : LOOK_MS
    while (!signal.aborted) {
      if (whyIsolated !== undefined) this.#observe(whyIsolated(), clock.monotonic())
      if (this.#current !== this.#reported) await this.#report(this.#current, signal)
      const retryMs = this.#failures === 0 ? pauseMs : backoffDelay(this.#failures, BACKOFF, random)
      await this.#wakeup.sleep(retryMs, clock, signal).catch(() => undefined)
    }
  }

  #observe(whyUnavailable: string | undefined, now: number): void {
    const isSame = (whyUnavailable === undefined) === (this.#current === AVAILABLE)
    this.#differsSince = isSame ? undefined : (this.#differsSince ?? now)
    if (this.#differsSince === undefined || now - this.#differsSince < SETTLE_MS) return
    this.#differsSince = undefined
    this.#current = whyUnavailable === undefined ? AVAILABLE : { whyUnavailable }
    const { log } = this.#options
    if (whyUnavailable === undefined) log('info', 'the network is available again: peers are reached')
    else log('warn', `the network is unavailable: ${whyUnavailable}`)
  }

  async #report(condition: Condition, signal: AbortSignal): Promise<void> {
    const { report, log } = this.#options
    this.#reported = condition
    try {
      await report(condition.whyUnavailable, { signal })
      this.#failures = 0
    } catch (error) {
      if (signal.aborted) return
      this.#reported = undefined
      this.#failures += 1
      const is = condition === AVAILABLE ? 'available' : 'unavailable'
      log(
        this.#failures === 1 ? 'warn' : 'debug',
        `reporting that the network is ${is} failed, and is retried`,
        { error },
      )
    }
  }
}
