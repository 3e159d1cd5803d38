import type { Random } from './clock.js'

export interface BackoffOptions {
  /** The first delay, in ms. */
  readonly firstMs: number
  /** No delay is longer, in ms. */
  readonly maxMs: number
}

/**
 * The delay in ms before try number `attempt` (1 for the first retry): doubled each time up to `most`, and drawn
 * evenly from its upper half, so that nodes that failed together do not return together.
 */
export function backoffDelay(
  attempt: number,
  { firstMs: first, maxMs: most }: BackoffOptions,
  random: Random,
): number {
  const ceiling = Math.min(most, first * 2 ** Math.min(attempt - 1, 30))
  return ceiling / 2 + (random() * ceiling) / 2
}
