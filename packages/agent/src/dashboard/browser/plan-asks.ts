import type { Feed } from './feed.js'

/** The agent looks at its kernel for each answer: it is not asked more often than this, whatever happens. */
const MIN_INTERVAL_MS = 2_000
/** And this often if nothing happens: an agent may have missed what changed. */
const MAX_INTERVAL_MS = 30_000

/** When to ask for the plan. Pure: times are handed in, in ms. */
export class PlanAsks {
  #askedAt = Number.NEGATIVE_INFINITY
  #askedFor: string | undefined
  #isWanted = false

  /** Someone wants it now. */
  want(): void {
    this.#isWanted = true
  }

  /** Whether to ask now, which it is then. */
  isDue(feed: Feed, now: number): boolean {
    const age = now - this.#askedAt
    const state = stateOf(feed)
    const isDue =
      this.#isWanted || age >= MAX_INTERVAL_MS || (state !== this.#askedFor && age >= MIN_INTERVAL_MS)
    if (!isDue) return false
    this.#askedAt = now
    this.#askedFor = state
    this.#isWanted = false
    return true
  }
}

/** Differs once the kernel, or what is to be in it, may be another. */
function stateOf({ summary: { kernel, drift, syncs, configDifferences } }: Feed): string {
  const { desired, actual, failed, inSync } = kernel
  return [desired, actual, failed, inSync, drift.total, syncs[0]?.at, ...configDifferences].join()
}
