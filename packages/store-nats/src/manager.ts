import { setMaxListeners } from 'node:events'
import {
  type AbortOptions,
  type GetConfigOptions,
  isOverlayError,
  type Lease,
  type LeaseEvent,
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
import { AcquiredLists } from './acquired-lists.js'
import { NetworkAdministration } from './administration.js'
import { Buckets, type Layout } from './buckets.js'
import type { Bucket } from './client/bucket.js'
import type { BucketList } from './client/bucket-list.js'
import { Connection } from './client/connection.js'
import { KnownAddresses } from './client/known-addresses.js'
import { type BucketUpdate, type WatchBucketOptions, watchBucket } from './client/watch-bucket.js'
import { ConditionalWrites } from './conditional-writes.js'
import { CONFIG_KEY } from './keys.js'
import { LeaseView } from './lease-view.js'
import { LeaseWriter } from './lease-writer.js'
import { merge } from './merge.js'
import { NetworkReader, noConfig } from './network-reader.js'
import { type NatsSubnetManagerOptions, readSettings, type Settings } from './options.js'
import { askRights } from './rights.js'

type WatchCallbacks = Pick<WatchBucketOptions, 'attempted' | 'signal' | 'onRecovered'> & {
  readonly onError: (error: Error) => void
}

/** How often a watch looks for the bucket that nobody has made yet, or asks a NATS that does not answer, in ms. */
const LOOK_MS = 1_000

/**
 * The leases of a network in a key-value bucket of NATS JetStream. A lease's record has the same text as in etcd, so that
 * `selvedge leases copy` moves a network from one to the other.
 *
 * Errors besides those of `SubnetManager`: `LEASE_CONFLICT` if other nodes were faster a hundred times in a row.
 */
export class NatsSubnetManager implements SubnetManager, SubnetAdministration, RightsInquiry {
  readonly name = 'nats'
  readonly #settings: Settings
  readonly #addresses = new KnownAddresses()
  readonly #connection: Connection
  readonly #buckets: Buckets
  readonly #reader: NetworkReader
  readonly #writer: LeaseWriter
  readonly #administration: NetworkAdministration
  readonly #acquired: AcquiredLists
  readonly #closed = new AbortController()

  /** Throws an OverlayError `INVALID_CONFIG` for an invalid option. Connects with the first call. */
  constructor(options: NatsSubnetManagerOptions) {
    // Each call that is under way listens to it.
    setMaxListeners(0, this.#closed.signal)
    this.#settings = readSettings(options)
    for (const address of this.#settings.addresses) this.#addresses.add(address)
    for (const { host } of this.#settings.servers) this.#addresses.add(host)
    this.#connection = new Connection(this.#settings, this.#addresses)
    this.#buckets = new Buckets(this.#connection, this.#settings)
    this.#reader = new NetworkReader(this.#connection, this.#buckets, this.#settings)
    const writes = new ConditionalWrites(this.#reader)
    this.#writer = new LeaseWriter(this.#reader, writes, this.#settings)
    this.#acquired = new AcquiredLists(this.#reader, this.#settings.clock)
    this.#administration = new NetworkAdministration(this.#reader, writes, this.#settings)
  }

  /**
   * Those of `servers` that are IP addresses, at once; those of its connections and of the servers that a cluster names, and
   * the name servers', from the first call on; and the option `addresses`.
   */
  addresses(): readonly string[] {
    return this.#addresses.all
  }

  async getNetworkConfig(options: GetConfigOptions = {}): Promise<NetworkConfig> {
    const { onWaiting } = this.#settings
    const signal = this.#signal(options.signal)
    const text = await this.#reader.readConfig({ signal, onWaiting: options.onWaiting })
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
        this.#acquired.keep(acquired.state)
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
    return this.#reader.readConfig({ signal: this.#signal(signal) })
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

  async rights({ signal }: AbortOptions = {}): Promise<readonly StoreRight[]> {
    const options = { signal: this.#signal(signal) }
    return askRights(this.#connection, this.#buckets, this.#settings.domain, options)
  }

  async *watchLeases({
    signal,
    onError = () => {},
    onRecovered,
  }: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    if (signal.aborted) return
    const left = new AbortController()
    const stop = AbortSignal.any([signal, this.#closed.signal, left.signal])
    try {
      const options = { attempted: 'watching the leases', signal: stop, onError, onRecovered }
      for await (const event of this.#events(options)) {
        if (signal.aborted) return
        yield event
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      left.abort()
    }
    if (!signal.aborted) this.#closed.signal.throwIfAborted()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new OverlayError('CLOSED', 'the NATS store was disposed of; make a new one'))
    this.#acquired.drop()
    await this.#connection.close()
  }

  async *#events(options: WatchCallbacks): AsyncGenerator<LeaseEvent, void, undefined> {
    const { signal, onError } = options
    const layout = yield* this.#layout(signal, onError)
    if (layout === undefined) return
    const view = new LeaseView(layout, onError)
    const lists = await this.#acquired.take(layout, { signal })
    try {
      const watches = view.buckets.map((bucket) => this.#named(bucket, options, lists))
      for await (const { bucket, update } of merge(watches)) yield* view.apply(bucket, update)
    } finally {
      for (const list of lists.values()) list.close()
    }
  }

  /**
   * Where the leases are, as soon as there is such a bucket: until then there are none, which is no fault. Undefined once the
   * signal aborts.
   */
  async *#layout(
    signal: AbortSignal,
    onError: (error: Error) => void,
  ): AsyncGenerator<LeaseEvent, Layout | undefined, undefined> {
    let isReported = false
    while (!signal.aborted) {
      try {
        const layout = await this.#reader.findLayout({ signal })
        if (layout !== undefined) return layout
        if (!isReported) yield { type: 'snapshot', leases: [] }
        isReported = true
      } catch (error) {
        if (signal.aborted) return undefined
        if (!isOverlayError(error) || error.code === 'CLOSED' || error.code === 'INVALID_CONFIG') throw error
        onError(error)
      }
      await this.#settings.clock.sleep(LOOK_MS, { signal }).catch(() => {})
    }
    return undefined
  }

  async *#named(
    bucket: Bucket,
    options: WatchCallbacks,
    lists: Map<Bucket, BucketList>,
  ): AsyncGenerator<{ readonly bucket: Bucket; readonly update: BucketUpdate }, void, undefined> {
    const takeList = (): BucketList | undefined => {
      const list = lists.get(bucket)
      lists.delete(bucket)
      return list
    }
    for await (const update of this.#watch(bucket, { ...options, takeList })) yield { bucket, update }
  }

  #watch(
    bucket: Bucket,
    options: Pick<
      WatchBucketOptions,
      'attempted' | 'signal' | 'onError' | 'onRecovered' | 'filter' | 'takeList'
    >,
  ): ReturnType<typeof watchBucket> {
    const { requestTimeoutMs, clock, random, onWatchCut: onCut } = this.#settings
    return watchBucket(this.#connection, bucket, {
      ...options,
      listTimeoutMs: 3 * requestTimeoutMs,
      onCut,
      clock,
      random,
    })
  }

  async #waitForConfig(signal: AbortSignal, onWaiting: (why: OverlayError) => void): Promise<string> {
    onWaiting(noConfig(this.#settings.bucket))
    const { permanent } = await this.#reader.layout({ signal })
    const attempted = 'waiting for a network config'
    const options = { attempted, signal, onError: onWaiting, filter: CONFIG_KEY }
    for await (const { entries } of this.#watch(permanent, options)) {
      const last = entries.findLast(({ key, value }) => key === CONFIG_KEY && value !== undefined)
      if (last?.value !== undefined) return last.value
    }
    throw signal.reason
  }

  #readConfig(text: string): NetworkConfig {
    try {
      return parseNetworkConfig(text)
    } catch (error) {
      if (!isOverlayError(error)) throw error
      const where = `key ${CONFIG_KEY} of the bucket ${this.#settings.bucket}`
      throw new OverlayError(error.code, `${where}: ${error.message}`, { cause: error })
    }
  }

  /** Aborts with the caller's reason, or with `CLOSED`. Throws at once if either has happened. */
  #signal(signal: AbortSignal | undefined): AbortSignal {
    signal?.throwIfAborted()
    this.#closed.signal.throwIfAborted()
    return signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal])
  }
}
