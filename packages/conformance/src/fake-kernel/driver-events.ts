import type { DriverEvent } from '@selvedge/core'

/** The events of one driver, for each that watches it. */
export class DriverEvents {
  readonly #watchers = new Set<(event: DriverEvent) => void>()
  readonly #closing: AbortSignal

  /** @param closing aborts once the driver is closed: every watch ends */
  constructor(closing: AbortSignal) {
    this.#closing = closing
  }

  report(event: DriverEvent): void {
    for (const watcher of this.#watchers) watcher(event)
  }

  async *watch(signal: AbortSignal): AsyncGenerator<DriverEvent, void, undefined> {
    let pending: DriverEvent | undefined
    let wake = () => {}
    const report = (event: DriverEvent) => {
      // An overrun says all that a change does, and more.
      if (pending?.type !== 'overrun') pending = event
      wake()
    }
    const stop = () => wake()
    const stopped = () => signal.aborted || this.#closing.aborted
    this.#watchers.add(report)
    signal.addEventListener('abort', stop)
    this.#closing.addEventListener('abort', stop)
    try {
      while (!stopped()) {
        if (pending === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        } else {
          const event = pending
          pending = undefined
          yield event
        }
      }
    } finally {
      this.#watchers.delete(report)
      signal.removeEventListener('abort', stop)
      this.#closing.removeEventListener('abort', stop)
    }
  }
}
