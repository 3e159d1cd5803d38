import type { AbortOptions, Clock } from '@selvedge/core'
import type { Layout } from './buckets.js'
import type { Bucket } from './client/bucket.js'
import type { BucketList } from './client/bucket-list.js'
import { closeLists, type NetworkReader, type NetworkState } from './network-reader.js'

/** How long the lists of `acquireLease` stay open for a watch that may follow, in ms. */
const KEPT_MS = 2_000

/** `acquireLease` lists all leases: the watch that follows goes on from there, and lists nothing again. */
export class AcquiredLists {
  readonly #reader: NetworkReader
  readonly #clock: Clock
  #state: NetworkState | undefined
  #forget = new AbortController()

  constructor(reader: NetworkReader, clock: Clock) {
    this.#reader = reader
    this.#clock = clock
  }

  /** Keeps the lists for a while; earlier ones are closed. */
  keep(state: NetworkState): void {
    this.drop()
    this.#state = state
    const forget = (): void => {
      if (this.#state === state) this.drop()
    }
    void this.#clock.sleep(KEPT_MS, this.#forget).then(forget, forget)
  }

  /**
   * The lists of this layout's buckets, brought up to date; empty if there are none any more, or if they cannot be. Whoever
   * takes them closes them.
   */
  async take(layout: Layout, options: AbortOptions): Promise<Map<Bucket, BucketList>> {
    const state = this.#state
    this.#state = undefined
    this.drop()
    if (state === undefined) return new Map()
    const { permanent, leases } = state
    const lists = new Map([permanent, leases].map((list) => [list.bucket, list]))
    // A failure is not reported here: the watch lists, fails likewise, and reports it.
    const areCurrent = await Promise.all(
      [...lists.values()].map((list) => this.#reader.update(list, options).catch(() => false)),
    )
    if (state.layout === layout && areCurrent.every(Boolean)) return lists
    closeLists(state)
    return new Map()
  }

  drop(): void {
    this.#forget.abort()
    this.#forget = new AbortController()
    if (this.#state !== undefined) closeLists(this.#state)
    this.#state = undefined
  }
}
