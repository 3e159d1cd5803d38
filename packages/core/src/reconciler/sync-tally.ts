import type { Operation } from '../contract/driver.js'
import type { Resource } from '../contract/resource.js'
import { OverlayError } from '../util/errors.js'

/** What one round of writes did. */
export interface SyncReport {
  /** How many resources were written. */
  readonly put: number
  /** How many resources were deleted. */
  readonly deleted: number
  /** How many writes failed; each is retried with backoff. */
  readonly failed: number
  /** From the start of the round to its last write, in ms. */
  readonly durationMs: number
}

/** Counts what a round of writes did, and groups its errors: one for each sort, not one for each of 15,000 keys. */
export class SyncTally {
  #put = 0
  #deleted = 0
  #failed = 0
  readonly #errors = new Map<string, { first: OverlayError; count: number }>()

  count({ type }: Operation): void {
    if (type === 'put') this.#put += 1
    else this.#deleted += 1
  }

  fail({ kind }: Resource, error: OverlayError): void {
    this.#failed += 1
    const sort = `${kind} ${error.code} ${error.errno}`
    const alike = this.#errors.get(sort)
    if (alike === undefined) this.#errors.set(sort, { first: error, count: 1 })
    else alike.count += 1
  }

  isEmpty(): boolean {
    return this.#put + this.#deleted + this.#failed === 0
  }

  errors(): readonly OverlayError[] {
    return [...this.#errors.values()].map(({ first, count }) => {
      if (count === 1) return first
      const options = { cause: first, ...(first.errno !== undefined && { errno: first.errno }) }
      return new OverlayError(first.code, `${first.message} (and ${count - 1} more like it)`, options)
    })
  }

  report(durationMs: number): SyncReport {
    return { put: this.#put, deleted: this.#deleted, failed: this.#failed, durationMs }
  }
}
