import type { Random } from './clock.js'

/** The range of a delay that doubles from one failure to the next. */
export interface BackoffOptions {
  /** The delay before the first retry, in ms. */
  readonly firstMs: number
  /** No delay is longer, in ms. */
  readonly maxMs: number
}

/**
 * The delay in ms before retry number `attempt`, the first being 1: `firstMs`, doubled each time up to `maxMs`, and drawn
 * evenly from its upper half, so that nodes that failed together do not return together.
 */
export function backoffDelay(attempt: number, { firstMs, maxMs }: BackoffOptions, random: Random): number {
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 30))
  return ceiling / 2 + (random() * ceiling) / 2
}
