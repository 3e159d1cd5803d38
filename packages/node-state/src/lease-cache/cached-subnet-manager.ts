import {
  type AbortOptions,
  type Clock,
  isOverlayError,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  leaseKey,
  type NetworkConfig,
  OverlayError,
  type PublicAddresses,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { sameNode, systemClock } from '@selvedge/core/kit'
import { ForwardingSubnetManager } from '../forwarding-subnet-manager.js'
import type { KnownNetwork } from './known-network.js'
import type { LeaseCache } from './lease-file.js'
import { networkConfigJson } from './network-config-json.js'
import { Saver } from './saver.js'

/** Told of what a cache does; asked nothing. */
export interface CacheObserver {
  /** The store is away: what follows is what was known as of then, and no more, until `storeAnswered`. */
  usingCache(network: KnownNetwork, why: OverlayError): void
  /** The store is back and counts again. */
  storeAnswered(): void
  /** The store is back with another network config than the overlay was started with: start it anew. */
  configChanged(): void
  /** Saving failed, and is tried again. */
  notSaved(error: OverlayError): void
}

export interface CachedSubnetManagerOptions {
  /** Disposed of with the manager around it. */
  readonly subnets: SubnetManager
  readonly cache: LeaseCache
  readonly observer: CacheObserver
  readonly clock?: Clock | undefined
}

/** How long after the store is back its config is asked for again, where it went away meanwhile, in ms. */
const CONFIG_RETRY = 1_000

/**
 * A store that is remembered: while the store behind it answers it adds nothing and keeps, in a cache, the config, the
 * node's own lease and everyone's. Where the store is away (`STORE_UNAVAILABLE`, and nothing else: a store that refuses
 * has answered) when a node starts, the node gets the config, its own lease and its peers' out of the cache, until the
 * store is back and counts again.
 *
 * What the cache tells is told as single leases and never as a snapshot: an overlay deletes nothing on account of it.
 * A lease of its own whose end has passed is not given out: another node may have it by now.
 */
export class CachedSubnetManager extends ForwardingSubnetManager {
  readonly #cache: LeaseCache
  readonly #observer: CacheObserver
  readonly #clock: Clock
  readonly #saver: Saver
  #config: NetworkConfig | undefined
  #own: Lease | undefined
  /** Everyone's, as the store last told them; undefined until it has told all. */
  #leases: Map<string, Lease> | undefined
  #asOf = 0
  #nodeAddresses: PublicAddresses = {}
  /** The store was found away when it was asked for the node's addresses, just before anything else. */
  #foundAway: OverlayError | undefined
  /** In use because the store is away. */
  #cached: KnownNetwork | undefined
  /** The overlay was started with this config out of the cache: is it still the store's? */
  #unchecked: NetworkConfig | undefined

  constructor({ subnets, cache, observer, clock = systemClock }: CachedSubnetManagerOptions) {
    super(subnets)
    this.#cache = cache
    this.#observer = observer
    this.#clock = clock
    this.#saver = new Saver({
      clock,
      save: () => this.#save(),
      onError: (error) =>
        observer.notSaved(OverlayError.from(error, 'STORE_UNAVAILABLE', 'saving the lease cache')),
    })
  }

  /** When what is used out of the cache was known to be so, in ms since the epoch; undefined while none is used. */
  get cachedAsOf(): number | undefined {
    return this.#cached?.asOf
  }

  /** The addresses that the store says this node has, by `read`; those that it said last where it is away. */
  async nodeAddresses(
    read: (options: AbortOptions) => Promise<PublicAddresses>,
    options: AbortOptions = {},
  ): Promise<PublicAddresses> {
    try {
      this.#nodeAddresses = await read(options)
    } catch (error) {
      if (!isOverlayError(error, 'STORE_UNAVAILABLE')) throw error
      const cached = await this.#cache.load()
      if (cached === undefined) throw error
      this.#nodeAddresses = cached.nodeAddresses
      this.#foundAway = error
    }
    return this.#nodeAddresses
  }

  override async getNetworkConfig(options: AbortOptions = {}): Promise<NetworkConfig> {
    try {
      this.#config = await this.subnets.getNetworkConfig(options)
      // A config that the cache stood in for has come from the store itself. One out of a file says nothing of the store.
      if (this.#unchecked !== undefined) this.#answered()
      this.#unchecked = undefined
      return this.#config
    } catch (error) {
      if (!isOverlayError(error, 'STORE_UNAVAILABLE')) throw error
      const cached = await this.#cache.load()
      if (cached === undefined) throw error
      if (this.#cached === undefined) this.#observer.usingCache(cached, error)
      this.#cached = cached
      this.#unchecked = cached.config
      return cached.config
    }
  }

  override async acquireLease(request: LeaseRequest, options: AbortOptions = {}): Promise<Lease> {
    const held = this.#cachedLease(request) ?? (await this.#recallAtOnce(request))
    if (held !== undefined) return this.#useCached(held, request)
    try {
      const lease = await this.subnets.acquireLease(request, options)
      this.#answered()
      this.#keep(lease)
      return lease
    } catch (error) {
      const known = isOverlayError(error, 'STORE_UNAVAILABLE')
        ? await this.#recall(request, error)
        : undefined
      if (known === undefined) throw error
      return this.#useCached(known, request)
    }
  }

  override async renewLease(lease: Lease, options: AbortOptions = {}): Promise<Lease> {
    try {
      const renewed = await this.subnets.renewLease(lease, options)
      this.#answered()
      this.#keep(renewed)
      return renewed
    } catch (error) {
      // The store has spoken: what the cache says of this lease is no longer so.
      if (isOverlayError(error, 'LEASE_LOST')) this.#answered()
      throw error
    }
  }

  override async releaseLease(lease: Lease, options: AbortOptions = {}): Promise<void> {
    await this.subnets.releaseLease(lease, options)
    this.#keep(undefined)
  }

  override async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    for (const lease of this.#cached?.leases.values() ?? []) {
      if (options.signal.aborted) return
      yield { type: 'put', lease }
    }
    let check: Promise<void> | undefined
    for await (const event of this.subnets.watchLeases(options)) {
      this.#remember(event)
      this.#answered()
      if (this.#unchecked !== undefined) check ??= this.#checkConfig(this.#unchecked, options.signal)
      yield event
    }
    await check
  }

  /** What there is to save is saved. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#saver[Symbol.asyncDispose]()
    await this.subnets[Symbol.asyncDispose]()
  }

  #answered(): void {
    if (this.#cached === undefined) return
    this.#cached = undefined
    this.#observer.storeAnswered()
  }

  /** A store that gives no answer takes its time: it is not asked twice before the node has its network. */
  async #recallAtOnce(request: LeaseRequest): Promise<Lease | undefined> {
    const away = this.#foundAway
    this.#foundAway = undefined
    return away && this.#recall(request, away)
  }

  /**
   * This node's lease out of the cache, where the config came from elsewhere than from the store that is away: from a
   * file, as with Kubernetes. Only at the start: what is known of the leases later is newer than the cache.
   */
  async #recall(request: LeaseRequest, why: OverlayError): Promise<Lease | undefined> {
    if (this.#config === undefined || this.#own !== undefined || this.#leases !== undefined) return undefined
    const cached = await this.#cache.load()
    if (cached === undefined || textOf(cached.config) !== textOf(this.#config)) return undefined
    const held = this.#usable(cached, request)
    if (held === undefined) return undefined
    this.#cached = cached
    this.#observer.usingCache(cached, why)
    return held
  }

  #useCached(held: Lease, { adopt, attributes }: LeaseRequest): Lease {
    this.#own = { ...held, attributes: adopt?.(held) ?? attributes }
    return this.#own
  }

  #cachedLease(request: LeaseRequest): Lease | undefined {
    return this.#cached && this.#usable(this.#cached, request)
  }

  #usable({ own }: KnownNetwork, { attributes }: LeaseRequest): Lease | undefined {
    if (own === undefined || !sameNode(own.attributes, attributes)) return undefined
    return own.expiresAt !== undefined && own.expiresAt <= this.#clock.now() ? undefined : own
  }

  #keep(own: Lease | undefined): void {
    this.#own = own
    this.#learned()
  }

  #learned(): void {
    this.#asOf = this.#clock.now()
    this.#saver.ask()
  }

  #remember(event: LeaseEvent): void {
    if (event.type === 'snapshot') {
      this.#leases = new Map(event.leases.map((lease) => [leaseKey(lease), lease]))
    } else if (event.type === 'put') {
      this.#leases?.set(leaseKey(event.lease), event.lease)
    } else {
      this.#leases?.delete(leaseKey(event.lease))
    }
    this.#learned()
  }

  async #save(): Promise<void> {
    // Half of what there is to know is worse than what was saved before.
    if (this.#config === undefined || this.#leases === undefined) return
    await this.#cache.save({
      config: this.#config,
      own: this.#own,
      leases: this.#leases,
      asOf: this.#asOf,
      nodeAddresses: this.#nodeAddresses,
    })
  }

  async #checkConfig(started: NetworkConfig, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#config = await this.subnets.getNetworkConfig({ signal })
        this.#unchecked = undefined
        if (textOf(this.#config) !== textOf(started)) this.#observer.configChanged()
        this.#learned()
        return
      } catch {
        // What keeps the store from answering is told by the watch.
        await this.#clock.sleep(CONFIG_RETRY, { signal }).catch(() => undefined)
      }
    }
  }
}

const textOf = (config: NetworkConfig): string => JSON.stringify(networkConfigJson(config))
