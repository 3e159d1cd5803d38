import { type AbortOptions, OverlayError } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import type { Outcome } from './lease-requests.js'
import type { Settings } from './options.js'

/** How often a call begins anew because others were faster, before it gives up. */
const MOST_CONFLICTS = 100

/** How often it begins anew because no answer came to what it wrote. */
const MOST_DOUBTS = 3

/** Pauses in ms: those who met go apart. */
const BACKOFF = { firstMs: 20, maxMs: 1_000 }

/** Counts how often a call has begun anew. */
export class Tries {
  readonly #attempted: string
  readonly #settings: Settings
  readonly #options: AbortOptions
  #conflicts = 0
  #doubts = 0

  constructor(attempted: string, settings: Settings, options: AbortOptions) {
    this.#attempted = attempted
    this.#settings = settings
    this.#options = options
  }

  get failed(): number {
    return this.#conflicts + this.#doubts
  }

  /** Resolves when the time has come to begin anew after `outcome`; throws where it was tried often enough. */
  async again(outcome: Outcome): Promise<void> {
    if (outcome.type === 'unknown') {
      this.#doubts += 1
      if (this.#doubts >= MOST_DOUBTS) throw outcome.error
    } else {
      this.#conflicts += 1
      if (this.#conflicts >= MOST_CONFLICTS) {
        const why = `${this.#attempted}: others were faster ${MOST_CONFLICTS} times; try again`
        throw new OverlayError('LEASE_CONFLICT', why)
      }
    }
    const { clock, random } = this.#settings
    await clock.sleep(backoffDelay(this.failed, BACKOFF, random), this.#options)
  }
}
