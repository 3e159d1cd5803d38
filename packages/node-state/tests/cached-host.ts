import { FakeClock } from '@selvedge/conformance'
import {
  type AbortOptions,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  type NetworkConfig,
  OverlayError,
  type WatchOptions,
} from '@selvedge/core'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { CachedSubnetManager } from '../src/lease-cache/cached-subnet-manager.js'
import type { KnownNetwork, LeaseCache } from '../src/lease-cache/known-network.js'

export const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'alloc' } }
export const HOUR = 3_600_000
export const me: LeaseRequest = { attributes: { publicIp: '192.0.2.1' } }

/** A store that can be unavailable. */
export class Wire extends MemorySubnetManager {
  up = true
  #waiting: (() => void)[] = []

  plugIn(): void {
    this.up = true
    for (const resume of this.#waiting.splice(0)) resume()
  }

  override async getNetworkConfig(options: AbortOptions = {}): Promise<NetworkConfig> {
    this.#check()
    return super.getNetworkConfig(options)
  }

  override async acquireLease(request: LeaseRequest, options: AbortOptions = {}): Promise<Lease> {
    this.#check()
    return super.acquireLease(request, options)
  }

  override async renewLease(lease: Lease, options: AbortOptions = {}): Promise<Lease> {
    this.#check()
    return super.renewLease(lease, options)
  }

  override async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    if (!this.up) {
      options.onError?.(unavailable())
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
        options.signal.addEventListener('abort', () => resolve())
      })
    }
    yield* super.watchLeases(options)
  }

  #check(): void {
    if (!this.up) throw unavailable()
  }
}

export const unavailable = (): OverlayError => new OverlayError('STORE_UNAVAILABLE', 'no answer')

/** Remembers in memory, or refuses to. */
export class TestCache implements LeaseCache {
  saved: KnownNetwork | undefined
  saves = 0
  full = false

  forget(): void {
    this.saved = undefined
  }

  async load(): Promise<KnownNetwork | undefined> {
    return this.saved
  }

  async save(network: KnownNetwork): Promise<void> {
    if (this.full) throw new OverlayError('STORE_UNAVAILABLE', 'no space left on device')
    this.saves += 1
    this.saved = { ...network, leases: new Map(network.leases) }
  }
}

/** One host on one store, whose agent may be started again and again. */
export class Host {
  readonly clock = new FakeClock()
  readonly store: MemoryStore
  readonly cache = new TestCache()
  readonly reports: string[] = []
  wire!: Wire
  manager!: CachedSubnetManager

  constructor(config: object = CONFIG) {
    this.store = new MemoryStore({ config, clock: this.clock })
    this.start()
  }

  /** As a process does that starts: it knows only what the cache does. */
  start({ up = true } = {}): void {
    this.wire = new Wire(this.store)
    this.wire.up = up
    this.manager = new CachedSubnetManager({
      subnets: this.wire,
      cache: this.cache,
      clock: this.clock,
      observer: {
        onCacheUsed: () => this.reports.push('using cache'),
        onStoreAnswered: () => this.reports.push('store answered'),
        onConfigChanged: () => this.reports.push('config changed'),
        onSaveFailed: ({ message }) => this.reports.push(message),
      },
    })
  }

  /** Watches in the background; returns the events. */
  watch(): { events: LeaseEvent[]; stop: () => Promise<void> } {
    const events: LeaseEvent[] = []
    const abort = new AbortController()
    const watching = (async () => {
      for await (const event of this.manager.watchLeases({ signal: abort.signal })) events.push(event)
    })()
    return {
      events,
      stop: async () => {
        abort.abort()
        await watching
      },
    }
  }

  /** Joins, with a peer beside it, and stops: the cache knows both. */
  async joinAndStop(): Promise<Lease> {
    await this.manager.getNetworkConfig()
    const lease = await this.manager.acquireLease(me)
    await new MemorySubnetManager(this.store).acquireLease({ attributes: { publicIp: '192.0.2.2' } })
    const watch = this.watch()
    await this.clock.settle()
    await watch.stop()
    await this.manager[Symbol.asyncDispose]()
    return lease
  }
}

export const keysOf = (events: LeaseEvent[]) =>
  events.map((event) => (event.type === 'snapshot' ? `snapshot ${event.leases.length}` : event.type))
