import type { AbortOptions } from '../util/abort.js'
import { EventStream } from './event-stream.js'
import type { GuardedEmitter } from './events.js'
import type { OverlayEvents } from './reports.js'

/** The events of an overlay as async iterables, one for each call of `open`. All of them end together. */
export class EventStreams {
  readonly #emitter: GuardedEmitter<OverlayEvents>
  readonly #open = new Set<{ end(): void }>()
  #ended = false

  constructor(emitter: GuardedEmitter<OverlayEvents>) {
    this.#emitter = emitter
  }

  /** The events of one name from now on, until the signal aborts. */
  open<Name extends keyof OverlayEvents>(
    name: Name,
    { signal }: AbortOptions,
  ): AsyncIterableIterator<OverlayEvents[Name][0]> {
    const listener = (...[event]: OverlayEvents[Name]): void => stream.push(event)
    const close = (): void => stream.close()
    const stream = new EventStream<OverlayEvents[Name][0]>(() => {
      this.#emitter.off(name, listener)
      this.#open.delete(stream)
      signal?.removeEventListener('abort', close)
    })
    if (this.#ended || signal?.aborted) {
      stream.close()
      return stream
    }
    this.#emitter.on(name, listener)
    this.#open.add(stream)
    signal?.addEventListener('abort', close, { once: true })
    return stream
  }

  /** No more events will come: what waits is still handed out, and one that is opened from now on ends at once. */
  end(): void {
    this.#ended = true
    for (const stream of this.#open) stream.end()
  }
}
