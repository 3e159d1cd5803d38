import type { Belief } from './kernel-state.js'

/** Someone who judges notifications by the belief in force. */
export interface Listener {
  /** Another belief was read. */
  read(): void
}

/**
 * The belief in force. While a snapshot is being read there is none to judge notifications by: the old one is about
 * to go, and the new one holds what was read before a change as well as what was read after. So they wait for it.
 */
export class Knowledge {
  #belief: Belief | undefined
  #reading = false
  readonly #listeners = new Set<Listener>()

  get belief(): Belief | undefined {
    return this.#belief
  }

  /** The belief to judge by now; undefined where notifications must wait for the next. */
  get certain(): Belief | undefined {
    return this.#reading ? undefined : this.#belief
  }

  /** Reads a new belief. Where that fails the old one stays in force. */
  async renew<T extends { readonly belief: Belief }>(read: () => Promise<T>): Promise<T> {
    this.#reading = true
    try {
      const result = await read()
      this.#belief = result.belief
      return result
    } finally {
      this.#reading = false
      if (this.#belief !== undefined) for (const listener of this.#listeners) listener.read()
    }
  }

  /** Returns what ends the listening. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** For one that writes before it has read. */
  assume(belief: Belief): Belief {
    this.#belief ??= belief
    return this.#belief
  }
}
