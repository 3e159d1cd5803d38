import {
  type AbortOptions,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  type NetworkConfig,
  OverlayError,
  type RenewOptions,
  type SetConfigOptions,
  type SubnetAdministration,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { Wakeup } from '@selvedge/core/kit'
import { MemoryStore, type MemoryStoreOptions } from './store.js'

/**
 * One node's access to a `MemoryStore`. An overlay disposes of the manager that it is given, so each overlay gets one
 * of its own; the store and its leases live on as long as they are referred to:
 *
 * ```ts
 * const store = new MemoryStore({ config: { Network: '10.244.0.0/16' } })
 * createOverlay({ subnets: new MemorySubnetManager(store), … })
 * createOverlay({ subnets: new MemorySubnetManager(store), … })
 * ```
 */
export class MemorySubnetManager implements SubnetManager, SubnetAdministration {
  readonly name = 'memory'
  /** The store behind it, which other managers may share. */
  readonly store: MemoryStore
  readonly #closed = new AbortController()

  /** @param store the store to share, or the options of a new one, which other managers may share: `manager.store` */
  constructor(store: MemoryStore | MemoryStoreOptions = {}) {
    this.store = store instanceof MemoryStore ? store : new MemoryStore(store)
  }

  async getNetworkConfig({ signal }: AbortOptions = {}): Promise<NetworkConfig> {
    for await (const _ of this.#changes(signal)) {
      if (this.store.networkConfig !== undefined) return this.store.networkConfig
    }
    throw signal?.reason
  }

  async acquireLease(request: LeaseRequest, options: AbortOptions = {}): Promise<Lease> {
    await this.getNetworkConfig(options)
    this.#check(options)
    return this.store.acquire(request)
  }

  async renewLease(lease: Lease, options: RenewOptions = {}): Promise<Lease> {
    this.#check(options)
    return this.store.renew(lease, options.attributes)
  }

  async releaseLease(lease: Lease, options: AbortOptions = {}): Promise<void> {
    this.#check(options)
    this.store.release(lease)
  }

  async setNetworkConfig(
    config: string | object,
    { replaces, ...options }: SetConfigOptions = {},
  ): Promise<void> {
    this.#check(options)
    this.store.setNetworkConfig(config, replaces)
  }

  async networkConfigText(options: AbortOptions = {}): Promise<string | undefined> {
    this.#check(options)
    return this.store.networkConfigText
  }

  async reserve(reservation: Omit<Lease, 'expiresAt'>, options: AbortOptions = {}): Promise<Lease> {
    this.#check(options)
    return this.store.reserve(reservation)
  }

  async reservations(options: AbortOptions = {}): Promise<readonly Lease[]> {
    this.#check(options)
    return this.store.leases.filter(({ expiresAt }) => expiresAt === undefined)
  }

  async cancelReservation(reservation: Lease, options: AbortOptions = {}): Promise<void> {
    this.#check(options)
    this.store.cancelReservation(reservation)
  }

  async *watchLeases({ signal }: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    let seen: number | undefined
    for await (const _ of this.#changes(signal)) {
      const { events, revision } = this.store.changesSince(seen)
      seen = revision
      for (const event of events) {
        if (signal.aborted) return
        yield event
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(
      new OverlayError('CLOSED', "the memory store's manager was disposed of; make a new one"),
    )
  }

  #check({ signal }: AbortOptions): void {
    signal?.throwIfAborted()
    this.#closed.signal.throwIfAborted()
  }

  /** Yields at once, and after each change or when a lease ends. Ends when `signal` aborts; throws when closed. */
  async *#changes(signal: AbortSignal | undefined): AsyncGenerator<void, void, undefined> {
    const { store } = this
    const stop = signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
    const wakeup = new Wakeup()
    const forget = store.observe(() => wakeup.wake())
    try {
      for (;;) {
        stop.throwIfAborted()
        yield
        await wakeup.sleep(store.nextEnd - store.clock.now(), store.clock, stop)
      }
    } catch (error) {
      if (signal?.aborted !== true) throw error
    } finally {
      forget()
    }
  }
}
