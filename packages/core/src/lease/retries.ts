import type { AbortOptions } from '../util/abort.js'
import type { Clock, Random } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import { backoffDelay } from '../util/retry.js'

/**
 * Why a conditional write to a store was not done. `outdated`: what it was based on has changed, and it wrote nothing.
 * `unknown`: there was no answer; it may have run, or may still run.
 */
export type Setback =
  | { readonly type: 'outdated' }
  | {
      readonly type: 'unknown'
      /** A `STORE_UNAVAILABLE`, of the last attempt to get an answer. */
      readonly error: OverlayError
    }

/** How often a call starts over because other nodes were faster, before it gives up. */
const MAX_CONFLICTS = 100

/** How often it starts over because there was no answer to its write. */
const MAX_UNKNOWN = 3

/** Pauses in ms, which separate nodes that collided. */
const BACKOFF = { firstMs: 20, maxMs: 1_000 }

/**
 * Counts how often a call of a store has started over: it reads, decides, and writes on condition that nothing has changed
 * since, until that succeeds.
 */
export class Retries {
  readonly #attempted: string
  readonly #timing: { readonly clock: Clock; readonly random: Random }
  readonly #options: AbortOptions
  #conflicts = 0
  #unknown = 0

  /** @param attempted begins the error message: `leasing a subnet` */
  constructor(
    attempted: string,
    timing: { readonly clock: Clock; readonly random: Random },
    options: AbortOptions,
  ) {
    this.#attempted = attempted
    this.#timing = timing
    this.#options = options
  }

  /** How often it has. */
  get failed(): number {
    return this.#conflicts + this.#unknown
  }

  /**
   * Resolves when it is time to start over. Rejects with `LEASE_CONFLICT` once others were faster 100 times, with the
   * setback's error once there was no answer 3 times, and with the signal's reason.
   */
  async next(setback: Setback): Promise<void> {
    if (setback.type === 'unknown') {
      this.#unknown += 1
      if (this.#unknown >= MAX_UNKNOWN) throw setback.error
    } else {
      this.#conflicts += 1
      if (this.#conflicts >= MAX_CONFLICTS) {
        const why = `${this.#attempted}: other nodes were faster ${MAX_CONFLICTS} times; try again`
        throw new OverlayError('LEASE_CONFLICT', why)
      }
    }
    const { clock, random } = this.#timing
    await clock.sleep(backoffDelay(this.failed, BACKOFF, random), this.#options)
  }
}
