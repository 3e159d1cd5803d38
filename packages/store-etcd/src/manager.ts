import {
  type AbortOptions,
  isOverlayError,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  type NetworkConfig,
  OverlayError,
  parseNetworkConfig,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { EtcdCluster } from './client/cluster.js'
import { type Endpoint, GivenClient, UrlEndpoint } from './client/endpoint.js'
import { type FollowOptions, followKeys } from './client/watch-keys.js'
import { NetworkKeys } from './keys.js'
import { LeaseRequests, listTimeoutMs } from './lease-requests.js'
import { LeaseView } from './lease-view.js'
import { type Acquired, LeaseWriter } from './lease-writer.js'
import { type EtcdSubnetManagerOptions, readSettings, type Settings } from './options.js'

/** So long, in ms, all leases are kept in memory for a watch that may follow `acquireLease`. */
const REMEMBERED = 2_000

/**
 * The leases of a network in etcd, as flannel keeps them: hosts with flanneld and hosts with selvedge form one network,
 * and either may replace the other.
 *
 * A lease with `expiresAt` ends then; only the leases that `acquireLease` and `renewLease` return have it, and of those
 * no reservation. When the lease of a peer ends, its etcd lease knows: the lease vanishes, and the watch tells.
 *
 * Errors beyond those of `SubnetManager`: `LEASE_CONFLICT` where others were faster a hundred times in a row.
 */
export class EtcdSubnetManager implements SubnetManager {
  readonly name = 'etcd'
  readonly #settings: Settings
  readonly #keys: NetworkKeys
  readonly #cluster: EtcdCluster
  readonly #requests: LeaseRequests
  readonly #writer: LeaseWriter
  readonly #closed = new AbortController()
  #acquired: Acquired | undefined
  #forget = new AbortController()

  /** Throws an OverlayError `INVALID_CONFIG` for an option that breaks a rule. Connects with the first call. */
  constructor(options: EtcdSubnetManagerOptions) {
    this.#settings = readSettings(options)
    this.#keys = new NetworkKeys(this.#settings.prefix)
    this.#cluster = new EtcdCluster(endpointsOf(this.#settings, this.#keys), {
      ...this.#settings,
      rights: this.#keys.rights,
    })
    this.#requests = new LeaseRequests(this.#cluster, this.#keys, this.#settings)
    this.#writer = new LeaseWriter(this.#requests, this.#keys, this.#settings)
  }

  async getNetworkConfig({ signal }: AbortOptions = {}): Promise<NetworkConfig> {
    const options = { signal: this.#signal(signal) }
    const text = await this.#requests.readConfig(options)
    return this.#readConfig(text ?? (await this.#waitForConfig(options.signal)))
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

  async renewLease(lease: Lease, { signal }: AbortOptions = {}): Promise<Lease> {
    return this.#writer.renew(lease, { signal: this.#signal(signal) })
  }

  async releaseLease(lease: Lease, { signal }: AbortOptions = {}): Promise<void> {
    return this.#writer.release(lease, { signal: this.#signal(signal) })
  }

  async *watchLeases({
    signal,
    onError = () => {},
    onRecovered,
  }: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    if (signal.aborted) return
    const view = new LeaseView(this.#keys, onError)
    const attempted = `watching the leases at ${this.#keys.leasesPath}`
    const options = { attempted, signal: this.#signal(signal), onError, onRecovered }
    const after = yield* this.#tellKnown(view, options)
    for await (const news of this.#follow(this.#keys.leases, { ...options, after })) {
      for (const event of view.take(news)) {
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

  /** Joining has listed everyone's leases: the watch that follows need not do so again. */
  #remember(acquired: Acquired): void {
    this.#forget.abort()
    this.#forget = new AbortController()
    this.#acquired = acquired
    const late = () => {
      if (this.#acquired === acquired) this.#acquired = undefined
    }
    void this.#settings.clock.sleep(REMEMBERED, this.#forget).then(late, late)
  }

  /**
   * Tells what joining has listed, and returns as of when. Nothing where that is forgotten, or cannot be brought up to
   * date. A generator of its own: what it holds, which for a large network is many MB, does not outlive it.
   */
  async *#tellKnown(
    view: LeaseView,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<LeaseEvent, FollowOptions['after'], undefined> {
    const acquired = this.#acquired
    this.#forget.abort()
    this.#acquired = undefined
    if (acquired === undefined) return undefined
    // A failure is not told here: the watch lists, meets the same, and reports.
    const known = await this.#requests
      .readOn(acquired.listed, acquired.deleted, options)
      .catch(() => undefined)
    if (known === undefined || options.signal.aborted) return undefined
    yield view.begin(known.records)
    return { cluster: known.cluster, revision: known.revision }
  }

  /** Aborts with the caller's reason, or with `CLOSED`. Throws at once where either has happened. */
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

  async #waitForConfig(signal: AbortSignal): Promise<string> {
    const { onWaiting } = this.#settings
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
    for await (const news of this.#follow(range, { attempted, signal, onError: onWaiting })) {
      const found =
        news.type === 'list' ? news.keys : news.events.flatMap(({ type, kv }) => (type === 'Put' ? kv : []))
      const last = found.at(-1)
      if (last !== undefined) return last.value.toString()
    }
    throw signal.reason
  }

  #follow(
    range: NetworkKeys['leases'],
    options: Pick<FollowOptions, 'after' | 'attempted' | 'signal' | 'onError' | 'onRecovered'>,
  ): ReturnType<typeof followKeys> {
    const { requestTimeoutMs, clock, random } = this.#settings
    const timeoutsMs = { request: requestTimeoutMs, list: listTimeoutMs(this.#settings) }
    return followKeys(this.#cluster, range, { ...options, timeoutsMs, clock, random })
  }
}

function endpointsOf(settings: Settings, keys: NetworkKeys): readonly Endpoint[] {
  const { client, endpoints } = settings
  if (client !== undefined) return [new GivenClient(client, keys.config)]
  return endpoints.map((url) => new UrlEndpoint(url, settings))
}
