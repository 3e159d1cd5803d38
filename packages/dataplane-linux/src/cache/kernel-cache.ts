import type { KernelState } from './kernel-state.js'

/**
 * Holds the state in force. While a snapshot is being read there is none to judge notifications by: the old one is
 * about to be replaced, and the new one mixes what was read before a change with what was read after it. So
 * notifications wait until the snapshot ends.
 */
export class KernelCache {
  #state: KernelState | undefined
  #isReading = false
  readonly #listeners = new Set<() => void>()

  get state(): KernelState | undefined {
    return this.#state
  }

  /** The state to judge notifications by; undefined if they must wait for the next. */
  get settledState(): KernelState | undefined {
    return this.#isReading ? undefined : this.#state
  }

  /** Reads a new state. If that fails, the old one stays in force. */
  async refresh<T extends { readonly state: KernelState }>(read: () => Promise<T>): Promise<T> {
    this.#isReading = true
    try {
      const result = await read()
      this.#state = result.state
      return result
    } finally {
      this.#isReading = false
      if (this.#state !== undefined) for (const listener of this.#listeners) listener()
    }
  }

  /** Whether a watch depends on the state: an overlay runs, and does not merely look. */
  get isWatched(): boolean {
    return this.#listeners.size > 0
  }

  /** Calls `listener` after each refresh. Returns a function that ends that. */
  onRefresh(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The state in force, or `initial` if nothing was read before the first write. */
  ensure(initial: () => KernelState): KernelState {
    this.#state ??= initial()
    return this.#state
  }
}
