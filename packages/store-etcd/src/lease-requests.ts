import {
  type AbortOptions,
  type Clock,
  type GetConfigOptions,
  isOverlayError,
  type LeaseSubnets,
  leaseKey,
  OverlayError,
} from '@selvedge/core'
import type { Setback } from '@selvedge/core/kit'
import type { IKeyValue, IRangeRequest, IResponseHeader, ITxnRequest } from 'etcd3'
import type { CallRequest, EtcdCluster } from './client/cluster.js'
import { EtcdFailure } from './client/errors.js'
import { allows, isBeyond, type Position, positionOf } from './client/history.js'
import { allPages, readPage } from './client/pages.js'
import { keepAliveOnce } from './client/streams.js'
import type { NetworkKeys } from './keys.js'
import { type LeaseRecord, readRecord } from './lease-record.js'
import type { Settings } from './options.js'

/** A lease in etcd's sense: keys that are attached to it are deleted when it ends. */
export interface EtcdLease {
  readonly id: string
  /** In ms since the epoch, counted from before the request: etcd ends it no earlier. Absent for `NO_LEASE`. */
  readonly endsAt?: number
}

/** The config and all leases of a network, as of one revision. */
export interface NetworkState extends Leases {
  /** The config's JSON text; undefined if there is none. */
  readonly config: string | undefined
}

/** All leases, as of one revision. */
export interface Leases {
  readonly records: readonly LeaseRecord[]
  readonly position: Position
}

/** What came of a transaction. */
export type CommitResult =
  | {
      readonly type: 'done'
      /** That of its writes. */
      readonly revision: number
    }
  | Setback

/** The requests to etcd that work with leases, one round trip each. */
export class LeaseRequests {
  readonly #cluster: EtcdCluster
  readonly #keys: NetworkKeys
  readonly #settings: Settings
  readonly #clock: Clock

  constructor(cluster: EtcdCluster, keys: NetworkKeys, settings: Settings) {
    this.#cluster = cluster
    this.#keys = keys
    this.#settings = settings
    this.#clock = settings.clock
  }

  /**
   * All leases, and the network config, as of one revision.
   *
   * @param patient whether an absent etcd is waited for; default true
   */
  async readAll(options: AbortOptions, { patient = true } = {}): Promise<NetworkState> {
    const { config, kvs, position } = await this.#list(this.#keys.leases, patient, options)
    return {
      config: config?.value.toString(),
      records: kvs.map((kv) => readRecord(kv, this.#keys)),
      position,
    }
  }

  /**
   * All leases, given those read before: only changes are transferred. Undefined if the changes are not enough: keys
   * other than `deleted` have vanished, or the history is another.
   */
  async readChanges(
    before: Leases,
    deleted: readonly IKeyValue[],
    options: AbortOptions,
  ): Promise<Leases | undefined> {
    const changed = { ...this.#keys.leases, min_mod_revision: String(before.position.revision + 1n) }
    const { header, config, kvs, count, position } = await this.#list(changed, false, options)
    if (!isBeyond(header, before.position) || !allows(before.position.witnesses.config, config))
      return undefined
    const records = new Map(before.records.map((record) => [record.name, record]))
    for (const { key } of deleted) records.delete(this.#keys.nameOf(key))
    for (const kv of kvs) {
      const record = readRecord(kv, this.#keys)
      records.set(record.name, record)
    }
    if (records.size !== count) return undefined
    return { records: [...records.values()], position }
  }

  async readConfig({ onWaiting, ...options }: GetConfigOptions): Promise<string | undefined> {
    const { config } = this.#keys
    const { kvs } = await this.#cluster.call(
      { ...this.#call(`reading the network config at ${config}`, options), onWaiting },
      (client, limits) => client.kv.range({ key: Buffer.from(config) }, limits),
    )
    return kvs[0]?.value.toString()
  }

  /** Repeated until it is answered: it writes the same again. */
  async writeConfig(text: string, options: AbortOptions): Promise<void> {
    const { config } = this.#keys
    const put = { request_put: { key: Buffer.from(config), value: Buffer.from(text) } }
    await this.#cluster.call(
      this.#call(`writing the network config at ${config}`, options),
      (client, limits) => client.kv.txn({ compare: [], success: [put] }, limits),
    )
  }

  async read(subnets: LeaseSubnets, options: AbortOptions): Promise<LeaseRecord | undefined> {
    const { kvs } = await this.#cluster.call(
      this.#call(`reading lease ${leaseKey(subnets)}`, options),
      (client, limits) => client.kv.range({ key: this.#keys.lease(subnets) }, limits),
    )
    return kvs[0] && readRecord(kvs[0], this.#keys)
  }

  /** If the answer is lost, the etcd lease ends by itself, without a key on it. */
  async grant(options: AbortOptions): Promise<EtcdLease> {
    const since = this.#clock.now()
    const { ID, TTL } = await this.#cluster.call(
      this.#call('asking for an etcd lease', options),
      (client, limits) =>
        client.leaseClient.leaseGrant({ TTL: String(this.#settings.leaseTermMs / 1000) }, limits),
    )
    return { id: ID, endsAt: since + Number(TTL) * 1000 }
  }

  /**
   * Extends an etcd lease by its TTL, without a write, which every watch would receive. Undefined if it is gone, or if
   * its TTL is not our term: another program made it, or this one under another setting.
   */
  async extend(id: string, options: AbortOptions): Promise<EtcdLease | undefined> {
    const since = this.#clock.now()
    const call = this.#call('extending an etcd lease', options)
    const { requestTimeoutMs, leaseTermMs } = this.#settings
    const ttl = await this.#cluster.call(call, (client) =>
      keepAliveOnce(client, id, { ...options, timeoutMs: requestTimeoutMs }),
    )
    return ttl * 1000 === leaseTermMs ? { id, endsAt: since + leaseTermMs } : undefined
  }

  /** When an etcd lease ends unless it is extended, in ms since the epoch; undefined if it is gone. */
  async endOf(id: string, options: AbortOptions): Promise<number | undefined> {
    const { TTL } = await this.#cluster.call(
      this.#call('asking when a lease ends', options),
      (client, limits) => client.leaseClient.leaseTimeToLive({ ID: id }, limits),
    )
    return Number(TTL) < 0 ? undefined : this.#clock.now() + Number(TTL) * 1000
  }

  /** Ends an etcd lease and deletes its keys. Does nothing if it is gone. */
  async revoke(id: string, options: AbortOptions): Promise<void> {
    try {
      await this.#cluster.call(this.#call('ending an etcd lease', options), (client, limits) =>
        client.leaseClient.leaseRevoke({ ID: id }, limits),
      )
    } catch (error) {
      if (!(error instanceof EtcdFailure)) throw error
    }
  }

  /** The same for one without keys, as a courtesy: if it fails, the etcd lease ends by itself in time. */
  async drop(id: string, { signal }: AbortOptions): Promise<void> {
    const call = { attempted: 'ending an etcd lease', signal }
    await this.#cluster
      .call(call, (client, limits) => client.leaseClient.leaseRevoke({ ID: id }, limits))
      .catch(() => {})
  }

  /** Runs a transaction, at most once. */
  async commit(attempted: string, txn: ITxnRequest, options: AbortOptions): Promise<CommitResult> {
    try {
      const { succeeded, header } = await this.#cluster.call(
        { ...this.#call(attempted, options), once: true },
        (client, limits) => client.kv.txn(txn, limits),
      )
      return succeeded ? { type: 'done', revision: Number(header.revision) } : { type: 'outdated' }
    } catch (error) {
      if (isOverlayError(error, 'STORE_UNAVAILABLE')) return { type: 'unknown', error }
      if (!(error instanceof EtcdFailure)) throw error
      // The etcd lease for its keys ended first.
      const why = `${attempted}: etcd answered ${error.message}; try again`
      return { type: 'unknown', error: new OverlayError('STORE_UNAVAILABLE', why, { cause: error }) }
    }
  }

  #call(attempted: string, { signal }: AbortOptions): CallRequest {
    return { attempted, signal, patient: true }
  }

  /** The network config and the leases of a range, as of one revision. */
  async #list(
    range: IRangeRequest,
    patient: boolean,
    { signal }: AbortOptions,
  ): Promise<{
    readonly header: IResponseHeader
    readonly config: IKeyValue | undefined
    readonly kvs: readonly IKeyValue[]
    /** How many keys there are, of which a filter may have left out some. */
    readonly count: number
    readonly position: Position
  }> {
    const attempted = `listing the leases at ${this.#keys.leasesPath}`
    const call = { attempted, signal, patient, timeoutMs: listTimeoutMs(this.#settings) }
    const { page, limit } = await readPage((keys) => {
      const ranges = [{ key: Buffer.from(this.#keys.config) }, { ...range, limit: keys }]
      return this.#cluster.call(call, (client, limits) =>
        client.kv.txn({ compare: [], success: ranges.map((each) => ({ request_range: each })) }, limits),
      )
    })
    const { header, responses } = page
    const [configs, first] = responses.map(({ response_range }) => response_range)
    if (first === undefined) throw new TypeError('etcd answered one of two ranges')
    const config = configs?.kvs[0]
    const position = positionOf(header, Buffer.from(this.#keys.config), config)
    const read = (request: IRangeRequest) =>
      this.#cluster.call(call, (client, limits) => client.kv.range(request, limits))
    try {
      const kvs = await allPages(range, { page: first, limit }, header.revision, read)
      return { header, config, kvs, count: Number(first.count), position }
    } catch (error) {
      if (!(error instanceof EtcdFailure)) throw error
      const why = `${attempted}: etcd compacted its history between two pages; try again`
      throw new OverlayError('STORE_UNAVAILABLE', why, { cause: error })
    }
  }
}

/** Listing a large network takes longer than reading one key. */
export const listTimeoutMs = ({ requestTimeoutMs }: Settings): number => 3 * requestTimeoutMs
