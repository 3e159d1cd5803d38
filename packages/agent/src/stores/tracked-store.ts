import {
  type Clock,
  isOverlayError,
  type LeaseEvent,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { ForwardingSubnetManager } from './forwarding-subnet-manager.js'

export interface HearingObserver {
  /** The watch of all leases has lost the store; told once, until it is heard again. */
  onLost(error: Error): void
  /** It is heard again, after so many ms. */
  onHeard(after: number): void
}

/** A store of which is known whether its watch hears it, and since when not. */
export class HeardStore extends ForwardingSubnetManager {
  readonly #clock: Clock
  readonly #observer: HearingObserver
  #everHeard = false
  /** On the clock that never jumps. */
  #lostAt: number | undefined

  constructor(subnets: SubnetManager, clock: Clock, observer: HearingObserver) {
    super(subnets)
    this.#clock = clock
    this.#observer = observer
  }

  /** Whether what was told last is so now. */
  get isHeard(): boolean {
    return this.#everHeard && this.#lostAt === undefined
  }

  /** For how long it has not been heard, in ms; 0 while it is. */
  get silence(): number {
    return this.#lostAt === undefined ? 0 : this.#clock.monotonic() - this.#lostAt
  }

  override async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    const events = this.subnets.watchLeases({
      ...options,
      onError: (error) => {
        this.#lost(error)
        options.onError?.(error)
      },
      onRecovered: () => {
        this.#heard()
        options.onRecovered?.()
      },
    })
    for await (const event of events) {
      this.#heard()
      yield event
    }
  }

  #lost(error: Error): void {
    // A record that is no lease says nothing of the store.
    if (this.#lostAt !== undefined || isOverlayError(error, 'INVALID_LEASE')) return
    this.#lostAt = this.#clock.monotonic()
    this.#observer.onLost(error)
  }

  #heard(): void {
    this.#everHeard = true
    if (this.#lostAt === undefined) return
    const after = this.silence
    this.#lostAt = undefined
    this.#observer.onHeard(after)
  }
}
