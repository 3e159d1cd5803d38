import { EventEmitter } from 'node:events'
import { OverlayError } from '../util/errors.js'

/**
 * An emitter whose listeners can do no harm: each is called whatever the others do, and what one throws goes to the
 * `error` listeners. An `error` that nobody listens to is let be, and so is what an `error` listener throws: events
 * are for observers, and nothing correct depends on one.
 */
export class GuardedEmitter<Events extends Record<keyof Events, unknown[]>> extends EventEmitter<Events> {
  override emit: EventEmitter<Events>['emit'] = (name, ...args) => {
    const listeners = this.rawListeners(name)
    for (const listener of listeners) {
      try {
        Reflect.apply(listener, this, args)
      } catch (thrown) {
        if (name !== 'error')
          this.#tell(OverlayError.from(thrown, 'LISTENER_FAILED', `a listener to '${String(name)}'`))
      }
    }
    return listeners.length > 0
  }

  #tell(error: OverlayError): void {
    // The base class cannot know that every table of events here has an 'error'.
    Reflect.apply(this.emit, this, ['error', error])
  }
}
