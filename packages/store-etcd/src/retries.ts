import { type AbortOptions, OverlayError } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import type { CommitResult } from './lease-requests.js'
import type { Settings } from './options.js'

/** How often a call starts over because other nodes were faster, before it gives up. */
const MAX_CONFLICTS = 100

/** How often it starts over because there was no answer to its transaction. */
const MAX_UNKNOWN = 3

/** Pauses in ms, which separate nodes that collided. */
const BACKOFF = { firstMs: 20, maxMs: 1_000 }

/** Counts how often a call has started over. */
export class Retries {
  readonly #attempted: string
  readonly #settings: Settings
  readonly #options: AbortOptions
  #conflicts = 0
  #unknown = 0

  constructor(attempted: string, settings: Settings, options: AbortOptions) {
    this.#attempted = attempted
    this.#settings = settings
    this.#options = options
  }

  get failed(): number {
    return this.#conflicts + this.#unknown
  }

  /** Resolves when it is time to start over after `result`; throws after too many attempts. */
  async next(result: CommitResult): Promise<void> {
    if (result.type === 'unknown') {
      this.#unknown += 1
      if (this.#unknown >= MAX_UNKNOWN) throw result.error
    } else {
      this.#conflicts += 1
      if (this.#conflicts >= MAX_CONFLICTS) {
        const why = `${this.#attempted}: other nodes were faster ${MAX_CONFLICTS} times; try again`
        throw new OverlayError('LEASE_CONFLICT', why)
      }
    }
    const { clock, random } = this.#settings
    await clock.sleep(backoffDelay(this.failed, BACKOFF, random), this.#options)
  }
}
