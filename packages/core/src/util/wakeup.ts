import type { Clock } from './clock.js'

/**
 * Lets one loop sleep until its next due time, or until it is woken because there is work. A wake-up that comes while
 * the loop is not asleep is kept: the next sleep ends at once.
 */
export class Wakeup {
  #pending = false
  #interrupt: AbortController | undefined

  /** Ends the sleep, or the next one at once if there is none. */
  wake(): void {
    // Thousands may come within one sleep, and each abort makes an error.
    if (this.#pending) return
    this.#pending = true
    this.#interrupt?.abort()
  }

  /** Resolves after `milliseconds` (never, if infinite), or once woken. Rejects with the signal's reason. */
  async sleep(milliseconds: number, clock: Clock, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (!this.#pending && milliseconds > 0) {
      const interrupt = new AbortController()
      this.#interrupt = interrupt
      const stop = () => interrupt.abort()
      signal.addEventListener('abort', stop, { once: true })
      try {
        await clock.sleep(milliseconds, { signal: interrupt.signal })
      } catch (error) {
        if (!interrupt.signal.aborted) throw error
      } finally {
        signal.removeEventListener('abort', stop)
        this.#interrupt = undefined
      }
      signal.throwIfAborted()
    }
    this.#pending = false
  }
}
