import { type AbortOptions, type LeaseSubnets, OverlayError } from '@selvedge/core'
import type { Buckets, Layout } from './buckets.js'
import { type Bucket, type BucketState, takePending } from './client/bucket.js'
import type { Connection } from './client/connection.js'
import type { Entry } from './client/entry.js'
import { isFailure } from './client/errors.js'
import type { Session } from './client/session.js'
import { CONFIG_KEY, claimKey, recordKeyOf } from './keys.js'
import { type LeaseRecord, readRecord } from './lease-record.js'
import type { Settings } from './options.js'

/** A bucket as it was listed. */
export interface Listed {
  readonly bucket: Bucket
  /** Every key's last message, deletions too: what a conditional write is based on. */
  readonly entries: ReadonlyMap<string, Entry>
  /** Nothing up to this message is missing. */
  readonly seq: number
}

/** Everything that the store holds of a network. */
export interface NetworkState {
  readonly layout: Layout
  /** The config's JSON text; undefined if there is none. */
  readonly config: string | undefined
  readonly records: readonly LeaseRecord[]
  readonly permanent: Listed
  /** The same as `permanent` if keys have ends of their own. */
  readonly leases: Listed
}

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

  async readAll({ signal }: AbortOptions): Promise<NetworkState> {
    const timeoutMs = 3 * this.#settings.requestTimeoutMs
    return this.within(
      { attempted: 'listing the leases', signal, timeoutMs },
      async (session, layout, over) => {
        const permanent = await list(session, layout.permanent, over)
        const leases = layout.hasTtlPerKey ? permanent : await list(session, layout.leases, over)
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

  /** What has been written to a bucket since it was listed: the last message of each key that has changed. */
  async readSince(listed: Listed, { signal }: AbortOptions): Promise<readonly Entry[]> {
    const attempted = 'reading the latest leases'
    return this.within({ attempted, signal }, async (session, _, over) => {
      const { lastSeq } = await listed.bucket.state(session)
      if (lastSeq <= listed.seq) return []
      return collect(session, listed.bucket, over, listed.seq)
    })
  }

  /** The config's JSON text; undefined if there is none. */
  async readConfig(options: AbortOptions): Promise<string | undefined> {
    return (await this.readConfigEntry(options))?.value
  }

  /** What is under the config's key, a deletion too: what a conditional write is based on. */
  readConfigEntry({ signal }: AbortOptions): Promise<Entry | undefined> {
    return this.within({ attempted: 'reading the network config', signal }, (session, { permanent }) =>
      permanent.get(session, CONFIG_KEY),
    )
  }

  /** The record under a lease's key: a reservation before a lease that ends. */
  async read(subnets: LeaseSubnets, { signal }: AbortOptions): Promise<LeaseRecord | undefined> {
    const key = recordKeyOf(subnets)
    return this.within({ attempted: `reading lease ${key}`, signal }, async (session, layout) => {
      const [reserved, leased] = await Promise.all([
        layout.permanent.get(session, key),
        layout.hasTtlPerKey ? undefined : layout.leases.get(session, key),
      ])
      return (reserved && readRecord(reserved, true, layout)) ?? (leased && readRecord(leased, false, layout))
    })
  }

  readClaim(ipv6Subnet: string, { signal }: AbortOptions): Promise<Entry | undefined> {
    const key = claimKey(ipv6Subnet)
    return this.within({ attempted: `reading ${key}`, signal }, (session, { leases }) =>
      leases.get(session, key),
    )
  }

  /** Where the records are, as it was found. */
  layout({ signal }: AbortOptions): Promise<Layout> {
    return this.#buckets.layout({ signal })
  }

  /** Does work on the buckets; one that is missing is made again, once. */
  async within<T>(
    request: {
      readonly attempted: string
      readonly once?: boolean
      readonly timeoutMs?: number
    } & AbortOptions,
    work: (session: Session, layout: Layout, over: AbortSignal) => Promise<T>,
  ): Promise<T> {
    for (let isFirst = true; ; isFirst = false) {
      const layout = await this.#buckets.layout(request)
      try {
        return await this.#connection.call(request, (session, over) => work(session, layout, over))
      } catch (error) {
        if (!isFailure(error, 'no-stream')) throw error
        this.#buckets.forget()
        if (!isFirst) throw this.#connection.error(request.attempted, error.failure)
      }
    }
  }
}

/** Every key's last message. */
async function list(session: Session, bucket: Bucket, over: AbortSignal): Promise<Listed> {
  const state = await bucket.state(session)
  const entries = state.keys === 0 ? [] : await collect(session, bucket, over)
  return listedOf(bucket, state, entries)
}

export function listedOf(bucket: Bucket, { lastSeq }: BucketState, entries: readonly Entry[]): Listed {
  const byKey = new Map<string, Entry>()
  let seq = lastSeq
  for (const entry of entries) {
    byKey.set(entry.key, entry)
    seq = Math.max(seq, entry.seq)
  }
  return { bucket, entries: byKey, seq }
}

async function collect(
  session: Session,
  bucket: Bucket,
  over: AbortSignal,
  after?: number,
): Promise<readonly Entry[]> {
  const delivery = await bucket.deliver(session, { after }, over)
  try {
    return await takePending(delivery, over)
  } finally {
    delivery.close()
  }
}

/** Of a reservation and a lease under one key, the reservation counts. */
export function recordsOf(layout: Layout, permanent: Listed, leases: Listed): readonly LeaseRecord[] {
  const records = new Map<string, LeaseRecord>()
  const add = ({ entries }: Listed, isPermanent: boolean): void => {
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
