import {
  type AbortOptions,
  type Clock,
  isOverlayError,
  type LeaseSubnets,
  leaseKey,
  OverlayError,
} from '@selvedge/core'
import type { IKeyValue, IRangeRequest, IRangeResponse, ITxnRequest } from 'etcd3'
import type { CallRequest, EtcdCluster } from './client/cluster.js'
import { EtcdFailure } from './client/errors.js'
import { allPages, PAGE_KEYS } from './client/pages.js'
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

/** All leases, as of one revision of one cluster. */
export interface Leases {
  readonly records: readonly LeaseRecord[]
  readonly cluster: string
  readonly revision: string
}

/**
 * `outdated`: what the transaction was based on has changed, and it wrote nothing. `unknown`: there was no answer; it may
 * have run, or may still run.
 */
export type CommitResult =
  | { readonly type: 'done' | 'outdated' }
  | { readonly type: 'unknown'; readonly error: OverlayError }

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

  /** All leases, and the network config, as of one revision. */
  async readAll(options: AbortOptions): Promise<NetworkState> {
    const { leases, config } = this.#keys
    const call = this.#listCall(options, true)
    const ranges = [{ key: Buffer.from(config) }, { ...leases, limit: PAGE_KEYS }]
    const { header, responses } = await this.#cluster.call(call, (client, limits) =>
      client.kv.txn({ compare: [], success: ranges.map((range) => ({ request_range: range })) }, limits),
    )
    const [configs, first] = responses.map(({ response_range }) => response_range)
    const kvs = first === undefined ? [] : await this.#allPages(leases, first, header.revision, call)
    return {
      config: configs?.kvs[0]?.value.toString(),
      records: kvs.map((kv) => readRecord(kv, this.#keys)),
      cluster: header.cluster_id,
      revision: header.revision,
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
    const changed = { ...this.#keys.leases, min_mod_revision: String(BigInt(before.revision) + 1n) }
    const call = this.#listCall(options, false)
    const first = await this.#cluster.call(call, (client, limits) =>
      client.kv.range({ ...changed, limit: PAGE_KEYS }, limits),
    )
    const { header, count } = first
    if (header.cluster_id !== before.cluster || BigInt(header.revision) < BigInt(before.revision))
      return undefined
    const records = new Map(before.records.map((record) => [record.name, record]))
    for (const { key } of deleted) records.delete(this.#keys.nameOf(key))
    for (const kv of await this.#allPages(changed, first, header.revision, call)) {
      const record = readRecord(kv, this.#keys)
      records.set(record.name, record)
    }
    if (records.size !== Number(count)) return undefined
    return { records: [...records.values()], cluster: header.cluster_id, revision: header.revision }
  }

  async readConfig(options: AbortOptions): Promise<string | undefined> {
    const { config } = this.#keys
    const { kvs } = await this.#cluster.call(
      this.#call(`reading the network config at ${config}`, options),
      (client, limits) => client.kv.range({ key: Buffer.from(config) }, limits),
    )
    return kvs[0]?.value.toString()
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
      const { succeeded } = await this.#cluster.call(
        { ...this.#call(attempted, options), once: true },
        (client, limits) => client.kv.txn(txn, limits),
      )
      return { type: succeeded ? 'done' : 'outdated' }
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

  #listCall({ signal }: AbortOptions, patient: boolean): CallRequest {
    const attempted = `listing the leases at ${this.#keys.leasesPath}`
    return { attempted, signal, patient, timeoutMs: listTimeoutMs(this.#settings) }
  }

  async #allPages(
    range: IRangeRequest,
    first: IRangeResponse,
    revision: string,
    call: CallRequest,
  ): Promise<readonly IKeyValue[]> {
    try {
      return await allPages(range, first, revision, (request) =>
        this.#cluster.call(call, (client, limits) => client.kv.range(request, limits)),
      )
    } catch (error) {
      if (!(error instanceof EtcdFailure)) throw error
      const why = `${call.attempted}: etcd compacted its history between two pages; try again`
      throw new OverlayError('STORE_UNAVAILABLE', why, { cause: error })
    }
  }
}

/** Listing a large network takes longer than reading one key. */
export const listTimeoutMs = ({ requestTimeoutMs }: Settings): number => 3 * requestTimeoutMs
