import { EventEmitter } from 'eventemitter3'
import { kindOf, meant } from '../util/check-options.js'
import { OverlayError } from '../util/errors.js'
import { printable } from '../util/quote.js'

/**
 * An emitter whose listeners can do no harm. Each is called whatever the others do. What one throws, or rejects with if
 * it is async, is reported to the `error` listeners as `LISTENER_FAILED`. An `error` that has no listener is dropped, and
 * so is what an `error` listener throws: events are for observers, and nothing correct depends on one.
 */
export class GuardedEmitter<
  Events extends { [Name in keyof Events]: unknown[] },
> extends EventEmitter<Events> {
  /** What is called in a listener's place, by event: one for each, so that `off` finds it again. */
  readonly #guards = new Map<PropertyKey, WeakMap<object, unknown>>()
  readonly #guarded = new WeakMap<object, unknown>()
  readonly #names: readonly string[] | undefined

  /** @param names the events that exist; listening to any other throws a TypeError. Default: no check */
  constructor(names?: readonly (keyof Events & string)[]) {
    super()
    this.#names = names
  }

  /** Throws a TypeError for an event that does not exist. */
  protected requireEvent(name: PropertyKey): void {
    if (this.#names === undefined || (typeof name === 'string' && this.#names.includes(name))) return
    const near = meant(String(name), this.#names)
    throw new TypeError(
      `there is no event '${printable(String(name))}'${near}; the events are ${this.#names.join(', ')}`,
    )
  }

  /** Adds a listener. One that is added twice is called twice. Throws a TypeError for an event that does not exist. */
  override on<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
  ): this {
    this.requireEvent(event)
    requireListener(listener)
    return super.on(event, this.#guard(event, listener), context)
  }

  /** The same as `on`. */
  override addListener<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context)
  }

  /** Adds a listener that is called once, at the next event. */
  override once<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
  ): this {
    this.requireEvent(event)
    requireListener(listener)
    return super.once(event, this.#guard(event, listener), context)
  }

  /** Removes a listener that was added by `on` or `once`; without one, all listeners to this event. */
  override off<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener?: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    return super.removeListener(event, listener && this.#guard(event, listener), context, once)
  }

  /** The same as `off`. */
  override removeListener<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener?: EventEmitter.EventListener<Events, Name>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.off(event, listener, context, once)
  }

  /** The listeners to an event, in the order in which they were added. */
  override listeners<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
  ): EventEmitter.EventListener<Events, Name>[] {
    return super
      .listeners(event)
      .map((guard) => this.#guarded.get(guard) as EventEmitter.EventListener<Events, Name>)
  }

  #guard<Name extends EventEmitter.EventNames<Events>>(
    event: Name,
    listener: EventEmitter.EventListener<Events, Name>,
  ): EventEmitter.EventListener<Events, Name> {
    // `once` removes what it has called by its guard.
    if (this.#guarded.has(listener)) return listener
    const guards = this.#guards.get(event) ?? new WeakMap<object, unknown>()
    this.#guards.set(event, guards)
    const known = guards.get(listener)
    if (known !== undefined) return known as EventEmitter.EventListener<Events, Name>
    const failed = (thrown: unknown): void => this.#report(event, thrown)
    const guard = function (this: unknown, ...args: unknown[]): void {
      try {
        const returned: unknown = Reflect.apply(listener, this, args)
        if (isThenable(returned)) Promise.resolve(returned).catch(failed)
      } catch (thrown) {
        failed(thrown)
      }
    }
    guards.set(listener, guard)
    this.#guarded.set(guard, listener)
    return guard as EventEmitter.EventListener<Events, Name>
  }

  #report(event: PropertyKey, thrown: unknown): void {
    if (event === 'error') return
    const text = thrown instanceof Error ? thrown.message : String(thrown)
    const error = new OverlayError('LISTENER_FAILED', `a listener to '${String(event)}' failed: ${text}`, {
      cause: thrown,
    })
    // The base class cannot know that every table of events here has an 'error'.
    Reflect.apply(this.emit, this, ['error', error])
  }
}

function requireListener(listener: unknown): void {
  if (typeof listener !== 'function')
    throw new TypeError(`a listener must be a function, but it is ${kindOf(listener)}`)
}

function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value
}
