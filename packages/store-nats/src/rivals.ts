import type { AbortOptions, Lease } from '@selvedge/core'
import { leasesOverlap, sameNode } from '@selvedge/core/kit'
import type { Entry } from './client/entry.js'
import { reservedSubnets } from './keys.js'
import { readRecord, type ValidRecord } from './lease-record.js'
import type { NetworkReader, NetworkState } from './network-reader.js'

/** A record that this node has just written, on the grounds of a list. */
export interface Written {
  readonly lease: Lease
  readonly isReservation: boolean
  /** How many messages it took, its own last. */
  readonly messages: number
  /** Of the last of them. */
  readonly seq: number
}

/** Leases that last no longer are settled as if there were a claim, in ms: one could have ended since. */
const CLAIMS_LAST_MS = 60_000

/**
 * Another node's record that was written since the list, shares an address with the one that this node has written, and
 * comes before it: then this node's must go. Undefined if there is none.
 *
 * In one bucket the earlier message comes first. Of a reservation and a lease that are in two buckets, neither does: each
 * node gives way when it sees the other's, and one of them sees it, for both write before they read. The node of a lease
 * reads only if there is a claim: whoever reserves writes one, where leases are, before the reservation, and one that comes
 * after the lease is of a node that sees the lease.
 */
export async function rivalOf(
  reader: NetworkReader,
  written: Written,
  { layout, permanent, leases }: NetworkState,
  options: AbortOptions,
): Promise<ValidRecord | undefined> {
  const { lease, isReservation, messages, seq } = written
  const own = isReservation ? permanent : leases
  // Without a gap in the numbers of its bucket, nothing else was written since the list.
  const hasGap = seq !== own.listedSeq + messages
  const since = hasGap ? await reader.readSince(own, seq, options) : []
  const rivals = (entries: readonly Entry[], isPermanent: boolean): readonly ValidRecord[] =>
    entries.flatMap((entry) => {
      const record = readRecord(entry, isPermanent, layout)
      if (record?.lease === undefined || sameNode(record.lease.attributes, lease.attributes)) return []
      return leasesOverlap(record.lease, lease) ? record : []
    })
  const created = lease.created ?? 0
  const earlier = rivals(since, own === permanent).find((rival) => (rival.lease.created ?? 0) < created)
  if (earlier !== undefined || layout.hasTtlPerKey) return earlier
  const isClaimed = [...leases.entries.values(), ...since].some((entry) => isClaimOn(lease, entry))
  if (!isReservation && !isClaimed && layout.termMs >= CLAIMS_LAST_MS) return undefined
  const other = isReservation ? leases : permanent
  return rivals(await reader.readSince(other, undefined, options), other === permanent)[0]
}

/** Whether a node says by this entry that it is about to reserve some of the lease's addresses. */
function isClaimOn(lease: Lease, { key, value }: Entry): boolean {
  const reserved = value === undefined ? undefined : reservedSubnets(key)
  return reserved !== undefined && leasesOverlap(reserved, lease)
}
