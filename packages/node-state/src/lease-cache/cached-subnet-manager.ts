import {
  type AbortOptions,
  type Clock,
  type GetConfigOptions,
  isOverlayError,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  leaseKey,
  type NetworkConfig,
  networkConfigJson,
  OverlayError,
  type RenewOptions,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import {
  checkOptions,
  clockShape,
  number,
  record,
  required,
  sameNode,
  sameSubnets,
  systemClock,
  withMethods,
} from '@selvedge/core/kit'
import type { KnownNetwork, LeaseCache } from './known-network.js'
import { NetworkRecorder } from './network-recorder.js'

/** Called with what a cache does; each may be left out. */
export interface CacheObserver {
  /** The store is unavailable: until `storeAnswered`, what follows is what was known at `network.asOf`. */
  readonly onCacheUsed?: ((network: KnownNetwork, why: OverlayError) => void) | undefined
  /** The store is back, and the cache no longer stands in for it. */
  readonly onStoreAnswered?: (() => void) | undefined
  /** The store is back with another network config than the one that the overlay started with: restart it. */
  readonly onConfigChanged?: ((config: NetworkConfig) => void) | undefined
  /** Saving failed, and is retried; called once for several failures in a row. */
  readonly onSaveFailed?: ((error: OverlayError) => void) | undefined
}

/** What a `CachedSubnetManager` works with. */
export interface CachedSubnetManagerOptions {
  /** Disposed of with the manager around it. */
  readonly subnets: SubnetManager
  /** Where what is known is kept between runs. */
  readonly cache: LeaseCache
  /** Called with what the cache does. Default: nothing is. */
  readonly observer?: CacheObserver | undefined
  /** Default: the system's. For tests. */
  readonly clock?: Clock | undefined
  /**
   * How long a start waits for the store to give the network config, in ms, before it begins from the cache, if that knows
   * one. Default 500: a store that is well answers in a tenth of that, and one that elects a leader takes up to 2.5 s.
   */
  readonly patienceMs?: number | undefined
}

const DEFAULT_PATIENCE_MS = 500

/** If the store goes away again before it could be asked for its config. */
const CONFIG_RETRY_MS = 1_000

/**
 * Remembers a store. While the store behind it answers, it adds nothing and saves the config, the node's own lease and
 * all others in a cache. If the store is unavailable when a node starts (`STORE_UNAVAILABLE`, and nothing else: a store
 * that refuses has answered), the node gets the config, its own lease and its peers' from the cache, until the store is
 * back.
 *
 * What the cache knows is reported as single leases and never as a snapshot, so an overlay deletes nothing because of
 * it. An own lease that has expired is not used, since another node may have it by now; except by a node without an uplink,
 * which cannot disturb that one.
 */
export class CachedSubnetManager implements SubnetManager {
  readonly #subnets: SubnetManager
  readonly #cache: LeaseCache
  readonly #observer: CacheObserver
  readonly #clock: Clock
  readonly #recorder: NetworkRecorder
  readonly #patienceMs: number
  /** Stands in for the store. */
  #cached: KnownNetwork | undefined
  /** The overlay started with this config, out of the cache, and the store has not confirmed it yet. */
  #unconfirmed: NetworkConfig | undefined
  #foundUnavailable: OverlayError | undefined
  #formerAddresses: readonly string[] = []

  constructor(options: CachedSubnetManagerOptions) {
    checkOptions<CachedSubnetManagerOptions>('new CachedSubnetManager()', options, {
      subnets: required(withMethods('a SubnetManager', 'acquireLease')),
      cache: required(withMethods('a LeaseCache, such as a LeaseFile', 'load', 'save')),
      observer: record,
      clock: clockShape,
      patienceMs: number,
    })
    const { subnets, cache, observer = {}, clock = systemClock } = options
    this.#patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS
    this.#subnets = subnets
    this.#cache = cache
    this.#observer = observer
    this.#clock = clock
    this.#recorder = new NetworkRecorder({
      cache,
      clock,
      storeAddresses: () => subnets.addresses?.() ?? [],
      onError: (error) =>
        observer.onSaveFailed?.(OverlayError.from(error, 'STORE_UNAVAILABLE', 'saving the lease cache')),
    })
  }

  get name(): string {
    return this.#subnets.name
  }

  /** When what the cache says was known to be so, in ms since the epoch; undefined while the store itself is used. */
  get cachedAsOf(): number | undefined {
    return this.#cached?.asOf
  }

  /**
   * Another call has just found the store unavailable, which takes a store some time: the next `acquireLease` looks into
   * the cache first.
   */
  storeUnavailable(error: OverlayError): void {
    this.#foundUnavailable = error
  }

  /** The store's; once the cache was used, those that it was reached at before as well. */
  addresses(): readonly string[] {
    return [...new Set([...this.#formerAddresses, ...(this.#subnets.addresses?.() ?? [])])]
  }

  warnings(): readonly string[] {
    return this.#subnets.warnings?.() ?? []
  }

  async getNetworkConfig(options: GetConfigOptions = {}): Promise<NetworkConfig> {
    try {
      const config = await this.#askForConfig(options)
      this.#recorder.recordConfig(config)
      // The store itself has confirmed or replaced the cached one. A config from a file says nothing about the store.
      if (this.#unconfirmed !== undefined) this.#storeAnswered()
      this.#unconfirmed = undefined
      return config
    } catch (error) {
      if (!isOverlayError(error, 'STORE_UNAVAILABLE')) throw error
      const cached = await this.#cache.load()
      if (cached === undefined) throw error
      if (this.#cached === undefined) this.#observer.onCacheUsed?.(cached, error)
      this.#use(cached)
      this.#unconfirmed = cached.config
      return cached.config
    }
  }

  async acquireLease(request: LeaseRequest, options: AbortOptions = {}): Promise<Lease> {
    const unavailable = this.#foundUnavailable
    this.#foundUnavailable = undefined
    const held =
      (this.#cached && this.#usable(this.#cached, request)) ??
      (unavailable && (await this.#recall(request, unavailable)))
    if (held !== undefined) return this.#useCached(held, request)
    try {
      const lease = await this.#subnets.acquireLease(request, options)
      this.#storeAnswered()
      this.#recorder.recordOwn(lease)
      return lease
    } catch (error) {
      const recalled = isOverlayError(error, 'STORE_UNAVAILABLE')
        ? await this.#recall(request, error)
        : undefined
      if (recalled === undefined) throw error
      return this.#useCached(recalled, request)
    }
  }

  async renewLease(lease: Lease, options: RenewOptions = {}): Promise<Lease> {
    try {
      const renewed = await this.#subnets.renewLease(lease, options)
      this.#storeAnswered()
      this.#recorder.recordOwn(renewed)
      return renewed
    } catch (error) {
      // The store has answered: what the cache says about this lease is outdated.
      if (isOverlayError(error, 'LEASE_LOST')) this.#storeAnswered()
      throw error
    }
  }

  async releaseLease(lease: Lease, options: AbortOptions = {}): Promise<void> {
    await this.#subnets.releaseLease(lease, options)
    this.#recorder.recordOwn(undefined)
  }

  async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    for (const lease of oldestFirst(this.#cached?.leases.values() ?? [])) {
      if (options.signal.aborted) return
      yield { type: 'put', lease }
    }
    let check: Promise<void> | undefined
    for await (const event of this.#subnets.watchLeases(options)) {
      this.#recorder.record(event)
      this.#storeAnswered()
      if (this.#unconfirmed !== undefined) check ??= this.#confirmConfig(this.#unconfirmed, options.signal)
      yield event
    }
    await check
  }

  /** Saves what has not been saved yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#recorder[Symbol.asyncDispose]()
    await this.#subnets[Symbol.asyncDispose]()
  }

  /**
   * Rejects with `STORE_UNAVAILABLE` once the cache may answer as well and the store has had its time. Only at the start: a
   * store that has answered, and holds no config, is waited for.
   */
  async #askForConfig(options: GetConfigOptions): Promise<NetworkConfig> {
    if (this.#recorder.config !== undefined || this.#recorder.knowsLeases) {
      return this.#subnets.getNetworkConfig(options)
    }
    const { signal, onWaiting } = options
    const givenUp = new AbortController()
    const answered = new AbortController()
    const ends = signal === undefined ? [] : [signal]
    const asked = this.#subnets.getNetworkConfig({
      signal: AbortSignal.any([...ends, givenUp.signal]),
      onWaiting,
    })
    const impatient = this.#clock
      .sleep(this.#patienceMs, { signal: AbortSignal.any([...ends, answered.signal]) })
      .then(() => this.#cache.load())
    impatient.catch(() => undefined)
    try {
      const known = await Promise.race([asked.then(() => undefined), impatient])
      if (known === undefined) return await asked
      const why = `${this.name} has not given the network config within ${this.#patienceMs / 1000} s`
      throw new OverlayError('STORE_UNAVAILABLE', why)
    } finally {
      answered.abort()
      asked.catch(() => undefined)
      givenUp.abort()
    }
  }

  #use(cached: KnownNetwork): void {
    this.#cached = cached
    this.#formerAddresses = cached.storeAddresses ?? []
  }

  #storeAnswered(): void {
    if (this.#cached === undefined) return
    this.#cached = undefined
    this.#observer.onStoreAnswered?.()
  }

  /**
   * This node's lease out of the cache, if the config came from elsewhere than the unavailable store, such as from a file
   * with Kubernetes. Only at the start: what is known about leases later is newer than the cache.
   */
  async #recall(request: LeaseRequest, why: OverlayError): Promise<Lease | undefined> {
    const { config, knowsLeases } = this.#recorder
    if (config === undefined || knowsLeases) return undefined
    const cached = await this.#cache.load()
    if (cached === undefined || !isSameConfig(cached.config, config)) return undefined
    const held = this.#usable(cached, request)
    if (held === undefined) return undefined
    this.#use(cached)
    this.#observer.onCacheUsed?.(cached, why)
    return held
  }

  #useCached(held: Lease, { adopt, attributes }: LeaseRequest): Lease {
    // A node that has another address by now is known to the store by the one before, until it can write its record.
    const isKnown = sameNode(held.attributes, attributes)
    const lease = isKnown ? { ...held, attributes: adopt?.(held) ?? attributes } : held
    this.#recorder.expectOwn(lease)
    // Since it was saved, this node may have written its record again: whichever version the store shows first is its own.
    return { ...lease, created: undefined, version: undefined }
  }

  #usable({ own }: KnownNetwork, { attributes, former, withoutUplink }: LeaseRequest): Lease | undefined {
    if (own === undefined) return undefined
    if (!sameNode(own.attributes, attributes) && !(former !== undefined && isVersion(own, former)))
      return undefined
    if (withoutUplink === true) return own
    return own.expiresAt !== undefined && own.expiresAt <= this.#clock.now() ? undefined : own
  }

  async #confirmConfig(started: NetworkConfig, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const config = await this.#subnets.getNetworkConfig({ signal })
        this.#recorder.recordConfig(config)
        this.#unconfirmed = undefined
        if (!isSameConfig(config, started)) this.#observer.onConfigChanged?.(config)
        return
      } catch {
        // The watch reports what keeps the store from answering.
        await this.#clock.sleep(CONFIG_RETRY_MS, { signal }).catch(() => undefined)
      }
    }
  }
}

/**
 * Of two leases that claim the same the older counts. Reported in any other order, the younger would have its resources
 * until the older one comes, and some for longer: before the store's first list nothing is deleted.
 */
const oldestFirst = (leases: Iterable<Lease>): readonly Lease[] =>
  [...leases].sort(
    (a, b) =>
      (a.created ?? UNKNOWN_AGE) - (b.created ?? UNKNOWN_AGE) ||
      (a.created === undefined ? 0 : leaseKey(a) < leaseKey(b) ? -1 : 1),
  )

/** Such leases stay in the order in which the store reported them. */
const UNKNOWN_AGE = Number.MAX_SAFE_INTEGER

/** Whether both are one lease, and one version of its record. */
const isVersion = (own: Lease, former: Lease): boolean =>
  sameSubnets(own, former) && own.version !== undefined && own.version === former.version

const isSameConfig = (a: NetworkConfig, b: NetworkConfig): boolean =>
  JSON.stringify(networkConfigJson(a)) === JSON.stringify(networkConfigJson(b))
