import type { AbortOptions, Lease } from '@selvedge/core'
import { leasesOverlap, sameNode } from '@selvedge/core/kit'
import type { BucketList } from './client/bucket-list.js'
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

/**
 * Another node's record that was written since the list, shares an address with the one that this node has written, and
 * comes before it: then this node's must go. Undefined if there is none.
 *
 * In one bucket the earlier message comes first. Of a reservation and a lease that are in two buckets, neither does: each
 * node gives way when it sees the other's, and one of them sees it, for both write before they read.
 */
export async function rivalOf(
  reader: NetworkReader,
  written: Written,
  { layout, permanent, leases }: NetworkState,
  options: AbortOptions,
): Promise<ValidRecord | undefined> {
  const { lease, isReservation, messages, seq } = written
  const find = async (list: BucketList, isPermanent: boolean): Promise<ValidRecord | undefined> => {
    const isOwnBucket = layout.hasTtlPerKey || isPermanent === isReservation
    // Without a gap in the numbers of its bucket, nothing else was written since the list.
    if (isOwnBucket && seq === list.listedSeq + messages) return undefined
    for (const entry of await reader.readSince(list, isOwnBucket ? seq : undefined, options)) {
      const record = readRecord(entry, isPermanent, layout)
      if (record?.lease === undefined || sameNode(record.lease.attributes, lease.attributes)) continue
      const comesFirst = !isOwnBucket || (record.lease.created ?? 0) < (lease.created ?? 0)
      if (comesFirst && leasesOverlap(record.lease, lease)) return record
    }
    return undefined
  }
  if (layout.hasTtlPerKey) return find(permanent, true)
  return (await find(permanent, true)) ?? (await find(leases, false))
}
