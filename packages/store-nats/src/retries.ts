import { type AbortOptions, OverlayError } from '@selvedge/core'
import { backoffDelay } from '@selvedge/core/kit'
import type { Settings } from './options.js'

/**
 * What came of a conditional write. `outdated`: what it was based on has changed, and it wrote nothing. `unknown`: there was
 * no answer; it may have run, or may still run.
 */
export type WriteResult =
  | { readonly type: 'done'; readonly seq: number }
  | { readonly type: 'outdated' }
  | { readonly type: 'unknown'; readonly error: OverlayError }

/** How often a call starts over because other nodes were faster, before it gives up. */
const MAX_CONFLICTS = 100

/** How often it starts over because there was no answer to its write. */
const MAX_UNKNOWN = 3

/** Pauses in ms, which separate nodes that collided. */
const BACKOFF = { firstMs: 20, maxMs: 1_000 }

/** Counts how often a call has started over. */
export class Retries {
  readonly #attempted: string
  readonly #settings: Pick<Settings, 'clock' | 'random'>
  readonly #options: AbortOptions
  #conflicts = 0
  #unknown = 0

  constructor(attempted: string, settings: Pick<Settings, 'clock' | 'random'>, options: AbortOptions) {
    this.#attempted = attempted
    this.#settings = settings
    this.#options = options
  }

  /** Resolves when it is time to start over after `result`; throws after too many attempts. */
  async next(result: Exclude<WriteResult, { type: 'done' }>): Promise<void> {
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
    await clock.sleep(backoffDelay(this.#conflicts + this.#unknown, BACKOFF, random), this.#options)
  }
}
