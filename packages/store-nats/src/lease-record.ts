import { type Lease, type LeaseSubnets, leaseKey } from '@selvedge/core'
import { decodeLeaseAttributes, parseLeaseKey } from '@selvedge/core/kit'
import type { Layout } from './buckets.js'
import type { Entry } from './client/entry.js'
import { recordName } from './keys.js'

/** The content of one key below `subnets.`. */
export type LeaseRecord = ValidRecord | BadRecord

interface RecordKey {
  /** What etcd would have below `subnets/`, such as `10.5.52.0-24`. */
  readonly name: string
  readonly entry: Entry
  /** Whether it never ends. */
  readonly isReservation: boolean
}

export interface ValidRecord extends RecordKey {
  readonly lease: Lease
}

export interface BadRecord extends RecordKey {
  readonly lease?: undefined
  /** Why it is not a lease. */
  readonly problem: string
  /** The subnets that its key names all the same: no node may lease them. */
  readonly subnets?: LeaseSubnets | undefined
}

/**
 * Of two buckets, each counts its own messages. A reservation is an operator's word, and older than any lease that ends:
 * versions of these begin here.
 */
const AFTER_RESERVATIONS = 2 ** 40

/** Reads an entry; undefined for one that is no record: the config, a claim, or a deletion. */
export function readRecord(
  entry: Entry,
  isPermanent: boolean,
  layout: Pick<Layout, 'hasTtlPerKey' | 'termMs'>,
): LeaseRecord | undefined {
  const name = recordName(entry.key)
  if (name === undefined || entry.value === undefined) return undefined
  const isReservation = layout.hasTtlPerKey ? entry.ttlMs === undefined : isPermanent
  const subnets = parseLeaseKey(name)
  const key = { name, entry, isReservation }
  if (subnets === undefined) return { ...key, problem: 'its key names no subnet' }
  // Such as 10.5.52.7-24. A node that took it for a lease could neither renew nor delete it under this key.
  if (leaseKey(subnets) !== name) {
    return { ...key, subnets, problem: `its key would have to be ${leaseKey(subnets)}` }
  }
  try {
    const { subnet, ipv6Subnet } = subnets
    const attributes = decodeLeaseAttributes(entry.value)
    const { created, version } = versionsOf(entry, isPermanent, layout)
    // The server's clock says when it was stored; this host's may differ.
    const expiresAt = isReservation ? undefined : entry.storedAt + (entry.ttlMs ?? layout.termMs)
    // Spelled out: with a spread, each of tens of thousands of leases gets a hidden class of its own in V8.
    return {
      name,
      entry,
      isReservation,
      lease: { subnet, ipv6Subnet, attributes, expiresAt, created, version },
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { ...key, subnets, problem: `its value is not a lease: ${why}` }
  }
}

/** `Lease.created` and `Lease.version` of a message. */
export function versionsOf(
  { created, seq }: Pick<Entry, 'created' | 'seq'>,
  isPermanent: boolean,
  { hasTtlPerKey }: Pick<Layout, 'hasTtlPerKey'>,
): { readonly created: number; readonly version: number } {
  const base = hasTtlPerKey || isPermanent ? 0 : AFTER_RESERVATIONS
  return { created: base + created, version: base + seq }
}
