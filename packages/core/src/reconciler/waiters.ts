import type { AbortOptions } from '../util/abort.js'

/** Those that wait for one and the same moment. */
export class Waiters {
  #waiting: (() => void)[] = []

  /** Resolves at the next `notify`. */
  async wait({ signal }: AbortOptions): Promise<void> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const done = () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }
      const abort = () => {
        this.#waiting = this.#waiting.filter((waiter) => waiter !== done)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.push(done)
    })
  }

  notify(): void {
    for (const waiter of this.#waiting.splice(0)) waiter()
  }
}
