import { type AbortOptions, type GetConfigOptions, type LeaseSubnets, OverlayError } from '@selvedge/core'
import type { Buckets, Layout } from './buckets.js'
import type { Bucket, DeliverOptions } from './client/bucket.js'
import { BucketList } from './client/bucket-list.js'
import type { Connection } from './client/connection.js'
import type { Entry } from './client/entry.js'
import { classify, isFailure } from './client/errors.js'
import type { Session } from './client/session.js'
import { CONFIG_KEY, claimKey, recordKeyOf } from './keys.js'
import { type LeaseRecord, readRecord } from './lease-record.js'
import type { Settings } from './options.js'

/** Everything that the store holds of a network. Its lists are open: whoever asked for it closes them. */
export interface NetworkState {
  readonly layout: Layout
  /** The config's JSON text; undefined if there is none. */
  readonly config: string | undefined
  readonly records: readonly LeaseRecord[]
  /** What conditional writes are based on. */
  readonly permanent: BucketList
  /** The same as `permanent` if keys have ends of their own. */
  readonly leases: BucketList
}

/** How long what was written since a list is waited for before it is asked for, in ms. */
const DELIVERED_MS = 1_000

/** Reads the buckets of a network. Every call goes on while NATS is away, for as long as the settings' `patienceMs`. */
export class NetworkReader {
  readonly #connection: Connection
  readonly #buckets: Buckets
  readonly #settings: Settings

  constructor(connection: Connection, buckets: Buckets, settings: Settings) {
    this.#connection = connection
    this.#buckets = buckets
    this.#settings = settings
  }

  /** For whoever is about to write: buckets that are missing are made. */
  async readAll({ signal }: AbortOptions): Promise<NetworkState> {
    const timeoutMs = 3 * this.#settings.requestTimeoutMs
    return this.within(
      { attempted: 'listing the leases', signal, timeoutMs },
      async (session, layout, over) => {
        const [permanent, leases] = await this.#list(session, layout, over)
        return {
          layout,
          config: permanent.entries.get(CONFIG_KEY)?.value,
          records: recordsOf(layout, permanent, leases),
          permanent,
          leases,
        }
      },
    )
  }

  /**
   * What has been written to a bucket since it was listed: the last message of each key that has changed.
   *
   * @param upTo what is sure to have been written; without it, the bucket is asked
   */
  async readSince(
    list: BucketList,
    upTo: number | undefined,
    { signal }: AbortOptions,
  ): Promise<readonly Entry[]> {
    const attempted = 'reading the latest leases'
    return this.within({ attempted, signal }, async (session, _, over) => {
      const last = upTo ?? (await list.bucket.state(session)).lastSeq
      if (last <= list.listedSeq) return []
      return (
        (await list.until(last, DELIVERED_MS)) ??
        collect(session, list.bucket, { after: list.listedSeq }, over)
      )
    })
  }

  /** Has a list be what the bucket holds now. False if it cannot be. */
  async update(list: BucketList, { signal }: AbortOptions): Promise<boolean> {
    if (list.delivery.hasEnded) return false
    const request = { attempted: 'reading the latest leases', signal, once: true }
    const state = await this.#connection.call(request, (session) => list.bucket.state(session))
    return list.catchUp(state, DELIVERED_MS)
  }

  /** The config's JSON text; undefined if there is none. */
  async readConfig(options: GetConfigOptions): Promise<string | undefined> {
    return (await this.readConfigEntry(options))?.value
  }

  /** What is under the config's key, a deletion too: what a conditional write is based on. */
  readConfigEntry({ signal, onWaiting }: GetConfigOptions): Promise<Entry | undefined> {
    const request = { attempted: 'reading the network config', signal, onWaiting }
    // It is in this bucket, whatever the layout.
    return this.#connection.call(request, (session) =>
      this.#unlessMissing(async () => {
        const state = await this.#buckets.lookIn(session)
        return state && this.#buckets.permanent.get(session, CONFIG_KEY, state)
      }),
    )
  }

  /** The record under a lease's key: a reservation before a lease that ends. */
  async read(subnets: LeaseSubnets, { signal }: AbortOptions): Promise<LeaseRecord | undefined> {
    const layout = await this.#buckets.find({ signal })
    if (layout === undefined) return undefined
    const { permanent, leases, hasTtlPerKey } = layout
    const key = recordKeyOf(subnets)
    return this.#connection.call({ attempted: `reading lease ${key}`, signal }, async (session) => {
      const [reserved, leased] = await Promise.all([
        this.#get(session, permanent, key),
        hasTtlPerKey ? undefined : this.#get(session, leases, key),
      ])
      return (reserved && readRecord(reserved, true, layout)) ?? (leased && readRecord(leased, false, layout))
    })
  }

  async readClaim(ipv6Subnet: string, { signal }: AbortOptions): Promise<Entry | undefined> {
    const layout = await this.#buckets.find({ signal })
    if (layout === undefined) return undefined
    const key = claimKey(ipv6Subnet)
    return this.#connection.call({ attempted: `reading ${key}`, signal }, (session) =>
      this.#get(session, layout.leases, key),
    )
  }

  async readReservations({ signal }: AbortOptions): Promise<readonly LeaseRecord[]> {
    const layout = await this.#buckets.find({ signal })
    if (layout === undefined) return []
    const timeoutMs = 3 * this.#settings.requestTimeoutMs
    const request = { attempted: 'listing the reservations', signal, timeoutMs }
    const entries = await this.#connection.call(request, (session, over) =>
      this.#unlessMissing(() => collect(session, layout.permanent, {}, over)),
    )
    return (entries ?? []).flatMap((entry) => {
      const record = readRecord(entry, true, layout)
      return record?.isReservation === true ? record : []
    })
  }

  /** The buckets, `permanent` first; twice the same if keys have ends of their own. */
  async #list(
    session: Session,
    layout: Layout,
    over: AbortSignal,
  ): Promise<readonly [BucketList, BucketList]> {
    const { clock } = this.#settings
    const open = (bucket: Bucket): Promise<BucketList> =>
      BucketList.open(session, bucket, { lastSeq: this.#buckets.takeLastSeq(bucket), clock }, over)
    if (layout.hasTtlPerKey) {
      const list = await open(layout.permanent)
      return [list, list]
    }
    const lists = await Promise.allSettled([open(layout.permanent), open(layout.leases)])
    const [permanent, leases] = lists
    if (permanent.status === 'fulfilled' && leases.status === 'fulfilled') {
      return [permanent.value, leases.value]
    }
    for (const list of lists) if (list.status === 'fulfilled') list.value.close()
    throw permanent.status === 'rejected' ? permanent.reason : (leases as PromiseRejectedResult).reason
  }

  /** Where the records are; undefined as long as there are none. Makes nothing. */
  findLayout({ signal }: AbortOptions): Promise<Layout | undefined> {
    return this.#buckets.find({ signal })
  }

  /** The same, for whoever is about to write: buckets that are missing are made. */
  layout({ signal }: AbortOptions): Promise<Layout> {
    signal?.throwIfAborted()
    return this.#buckets.open({ signal })
  }

  /** Does work on the buckets, for whoever writes: one that is missing is made, and another time if it is deleted meanwhile. */
  async within<T>(
    request: {
      readonly attempted: string
      readonly once?: boolean
      readonly timeoutMs?: number
    } & AbortOptions,
    work: (session: Session, layout: Layout, over: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (let isFirst = true; ; isFirst = false) {
      const layout = await this.#buckets.open(request)
      try {
        return await this.#connection.call(request, (session, over) => work(session, layout, over))
      } catch (error) {
        if (!isFailure(error, 'no-stream')) throw error
        this.#buckets.forget()
        if (!isFirst) throw this.#connection.error(request.attempted, error.failure)
      }
    }
  }

  #get(session: Session, bucket: Bucket, key: string): Promise<Entry | undefined> {
    return this.#unlessMissing(async () => bucket.get(session, key, await bucket.state(session)))
  }

  /** What is read of a bucket; undefined if there is no such bucket. */
  async #unlessMissing<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read()
    } catch (error) {
      if (classify(error).kind !== 'no-stream') throw error
      this.#buckets.forget()
      return undefined
    }
  }
}

export function closeLists({ permanent, leases }: NetworkState): void {
  permanent.close()
  leases.close()
}

async function collect(
  session: Session,
  bucket: Bucket,
  what: DeliverOptions,
  over: AbortSignal,
): Promise<readonly Entry[]> {
  const { delivery, entries } = await bucket.list(session, what, over)
  delivery.close()
  return entries
}

/** Of a reservation and a lease under one key, the reservation counts. */
function recordsOf(layout: Layout, permanent: BucketList, leases: BucketList): readonly LeaseRecord[] {
  const records = new Map<string, LeaseRecord>()
  const add = ({ entries }: BucketList, isPermanent: boolean): void => {
    for (const entry of entries.values()) {
      const record = readRecord(entry, isPermanent, layout)
      if (record !== undefined) records.set(record.name, record)
    }
  }
  if (!layout.hasTtlPerKey) add(leases, false)
  add(permanent, true)
  return [...records.values()]
}

export const noConfig = (bucket: string): OverlayError =>
  new OverlayError(
    'CONFIG_NOT_FOUND',
    `the bucket ${bucket} holds no network config; waiting for one: nats kv put ${bucket} ${CONFIG_KEY} ` +
      `'{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'`,
  )
