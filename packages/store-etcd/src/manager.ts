import { setMaxListeners } from 'node:events'
import {
  type AbortOptions,
  type GetConfigOptions,
  isOverlayError,
  type Lease,
  type LeaseEvent,
  type LeaseInventory,
  type LeaseRequest,
  type NetworkConfig,
  OverlayError,
  parseNetworkConfig,
  type RenewOptions,
  type RightsInquiry,
  type SetConfigOptions,
  type StoreRight,
  type SubnetAdministration,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { NetworkAdministration } from './administration.js'
import type { EtcdApi } from './client/api.js'
import { EtcdCluster } from './client/cluster.js'
import { type Endpoint, GivenClient, UrlEndpoint } from './client/endpoint.js'
import { KnownAddresses } from './client/known-addresses.js'
import { type WatchKeysOptions, watchKeys } from './client/watch-keys.js'
import { NetworkKeys } from './keys.js'
import { LeaseRequests, listTimeoutMs } from './lease-requests.js'
import { LeaseView } from './lease-view.js'
import { type Acquired, LeaseWriter } from './lease-writer.js'
import { type EtcdSubnetManagerOptions, readSettings, type Settings } from './options.js'
import { askRights } from './rights.js'

/** How long the leases that `acquireLease` has listed are kept for a watch that may follow, in ms. */
const LISTED_TTL_MS = 2_000

/**
 * The leases of a network in etcd, in flannel's format: hosts with flanneld and hosts with selvedge form one network, and
 * either can replace the other.
 *
 * Only leases that `acquireLease` and `renewLease` return have `expiresAt`, except reservations. A peer's lease ends with
 * its etcd lease: the watch then reports a `delete`.
 *
 * Errors besides those of `SubnetManager`: `LEASE_CONFLICT` if other nodes were faster a hundred times in a row.
 */
export class EtcdSubnetManager implements SubnetManager, SubnetAdministration, RightsInquiry {
  readonly name = 'etcd'
  readonly #settings: Settings
  readonly #keys: NetworkKeys
  readonly #addresses = new KnownAddresses()
  readonly #cluster: EtcdCluster
  readonly #requests: LeaseRequests
  readonly #writer: LeaseWriter
  readonly #administration: NetworkAdministration
  readonly #closed = new AbortController()
  #acquired: Acquired | undefined
  #forget = new AbortController()

  /** Throws an OverlayError `INVALID_CONFIG` for an invalid option. Connects with the first call. */
  constructor(options: EtcdSubnetManagerOptions) {
    // Each call that is under way listens to it.
    setMaxListeners(0, this.#closed.signal)
    this.#settings = readSettings(options)
    this.#keys = new NetworkKeys(this.#settings.prefix)
    for (const address of this.#settings.addresses) this.#addresses.add(address)
    this.#cluster = new EtcdCluster(endpointsOf(this.#settings, this.#keys, this.#addresses), {
      ...this.#settings,
      rights: this.#keys.rights,
    })
    this.#requests = new LeaseRequests(this.#cluster, this.#keys, this.#settings)
    this.#writer = new LeaseWriter(this.#requests, this.#keys, this.#settings)
    this.#administration = new NetworkAdministration(this.#requests, this.#keys, this.#settings)
  }

  /**
   * Those of endpoints that are IP addresses, at once; those that a name resolves to, and the name servers', from the first
   * call on; and those of all connections. With a client of the caller's own: those of the option `addresses`.
   */
  addresses(): readonly string[] {
    return this.#addresses.all
  }

  async getNetworkConfig(options: GetConfigOptions = {}): Promise<NetworkConfig> {
    const { onWaiting } = this.#settings
    const signal = this.#signal(options.signal)
    const text = await this.#requests.readConfig({ signal, onWaiting: options.onWaiting })
    const wait = (why: OverlayError): void => {
      onWaiting(why)
      options.onWaiting?.(why)
    }
    return this.#readConfig(text ?? (await this.#waitForConfig(signal, wait)))
  }

  async acquireLease(request: LeaseRequest, { signal }: AbortOptions = {}): Promise<Lease> {
    const options = { signal: this.#signal(signal) }
    for (;;) {
      const acquired = await this.#writer.acquire(request, (text) => this.#readConfig(text), options)
      if (acquired !== undefined) {
        this.#remember(acquired)
        return acquired.lease
      }
      await this.getNetworkConfig({ signal })
    }
  }

  async renewLease(lease: Lease, { signal, ...options }: RenewOptions = {}): Promise<Lease> {
    return this.#writer.renew(lease, { ...options, signal: this.#signal(signal) })
  }

  async releaseLease(lease: Lease, { signal }: AbortOptions = {}): Promise<void> {
    return this.#writer.release(lease, { signal: this.#signal(signal) })
  }

  async setNetworkConfig(
    config: string | object,
    { signal, replaces }: SetConfigOptions = {},
  ): Promise<void> {
    return this.#administration.setNetworkConfig(config, { replaces, signal: this.#signal(signal) })
  }

  async networkConfigText({ signal }: AbortOptions = {}): Promise<string | undefined> {
    return this.#requests.readConfig({ signal: this.#signal(signal) })
  }

  async reserve(reservation: Omit<Lease, 'expiresAt'>, { signal }: AbortOptions = {}): Promise<Lease> {
    return this.#administration.reserve(reservation, { signal: this.#signal(signal) })
  }

  async reservations({ signal }: AbortOptions = {}): Promise<readonly Lease[]> {
    return this.#administration.reservations({ signal: this.#signal(signal) })
  }

  async cancelReservation(reservation: Lease, { signal }: AbortOptions = {}): Promise<void> {
    return this.#administration.cancelReservation(reservation, { signal: this.#signal(signal) })
  }

  async inventory({ signal }: AbortOptions = {}): Promise<LeaseInventory> {
    const { ends, ...listed } = await this.#administration.inventory({ signal: this.#signal(signal) })
    return {
      ...listed,
      ends: async (leases, asked = {}) => ends(leases, { signal: this.#signal(asked.signal) }),
    }
  }

  async rights({ signal }: AbortOptions = {}): Promise<readonly StoreRight[]> {
    return askRights(this.#cluster, this.#keys, { signal: this.#signal(signal) })
  }

  async *watchLeases({
    signal,
    onError = () => {},
    onRecovered,
  }: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    if (signal.aborted) return
    const view = new LeaseView(this.#keys, onError)
    const attempted = `watching the leases at ${this.#keys.leasesPath}`
    const { onWatchCut: onCut } = this.#settings
    const options = { attempted, signal: this.#signal(signal), onError, onRecovered, onCut }
    const after = yield* this.#reportListed(view, options)
    for await (const update of this.#watch(this.#keys.leases, { ...options, after })) {
      for (const event of view.apply(update)) {
        if (signal.aborted) return
        yield event
      }
    }
    if (!signal.aborted) this.#closed.signal.throwIfAborted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new OverlayError('CLOSED', 'the etcd store was disposed of; make a new one'))
    this.#forget.abort()
    this.#cluster.close()
  }

  /** `acquireLease` has listed all leases: the watch that follows need not list them again. */
  #remember(acquired: Acquired): void {
    this.#forget.abort()
    this.#forget = new AbortController()
    this.#acquired = acquired
    const forget = () => {
      if (this.#acquired === acquired) this.#acquired = undefined
    }
    void this.#settings.clock.sleep(LISTED_TTL_MS, this.#forget).then(forget, forget)
  }

  /**
   * Reports what `acquireLease` has listed, brought up to date, and returns as of when; undefined if that has been
   * dropped, or cannot be brought up to date. A generator of its own, so that nothing keeps the list alive, which has
   * many MB in a large network.
   */
  async *#reportListed(
    view: LeaseView,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<LeaseEvent, WatchKeysOptions['after'], undefined> {
    const acquired = this.#acquired
    this.#forget.abort()
    this.#acquired = undefined
    if (acquired === undefined) return undefined
    // A failure is not reported here: the watch lists, fails likewise, and reports it.
    const known = await this.#requests
      .readChanges(acquired.listed, acquired.deleted, options)
      .catch(() => undefined)
    if (known === undefined || options.signal.aborted) return undefined
    yield view.reset(known.records)
    return known.position
  }

  /** Aborts with the caller's reason, or with `CLOSED`. Throws at once if either has happened. */
  #signal(signal: AbortSignal | undefined): AbortSignal {
    signal?.throwIfAborted()
    this.#closed.signal.throwIfAborted()
    return signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
  }

  #readConfig(text: string): NetworkConfig {
    try {
      return parseNetworkConfig(text)
    } catch (error) {
      if (!isOverlayError(error)) throw error
      throw new OverlayError(error.code, `etcd key ${this.#keys.config}: ${error.message}`, { cause: error })
    }
  }

  async #waitForConfig(signal: AbortSignal, onWaiting: (why: OverlayError) => void): Promise<string> {
    const { config } = this.#keys
    onWaiting(
      new OverlayError(
        'CONFIG_NOT_FOUND',
        `etcd holds no network config; waiting for one: etcdctl put ${config} '{"Network": "10.244.0.0/16", ` +
          `"Backend": {"Type": "vxlan"}}'`,
      ),
    )
    const range = { key: Buffer.from(config) }
    const attempted = `waiting for a network config at ${config}`
    for await (const update of this.#watch(range, { attempted, signal, onError: onWaiting })) {
      const found =
        update.type === 'list'
          ? update.keys
          : update.events.flatMap(({ type, kv }) => (type === 'Put' ? kv : []))
      const last = found.at(-1)
      if (last !== undefined) return last.value.toString()
    }
    throw signal.reason
  }

  #watch(
    range: NetworkKeys['leases'],
    options: Omit<WatchKeysOptions, 'config' | 'timeoutsMs' | 'clock' | 'random'>,
  ): ReturnType<typeof watchKeys> {
    const { requestTimeoutMs, clock, random } = this.#settings
    const timeoutsMs = { request: requestTimeoutMs, list: listTimeoutMs(this.#settings) }
    return watchKeys(this.#cluster, range, {
      ...options,
      config: this.#keys.config,
      timeoutsMs,
      clock,
      random,
    })
  }
}

function endpointsOf(settings: Settings, keys: NetworkKeys, addresses: KnownAddresses): readonly Endpoint[] {
  const { client, endpoints } = settings
  // Its replies are read as etcd3's.
  if (client !== undefined) return [new GivenClient(client as EtcdApi, keys.config)]
  return endpoints.map((url) => new UrlEndpoint(url, { ...settings, addresses }))
}
