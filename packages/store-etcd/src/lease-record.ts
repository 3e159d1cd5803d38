import { type Lease, type LeaseSubnets, leaseKey } from '@selvedge/core'
import { decodeLeaseAttributes, parseLeaseKey } from '@selvedge/core/kit'
import type { IKeyValue } from 'etcd3'
import type { NetworkKeys } from './keys.js'

/** How etcd writes that a key hangs on no lease of its: what makes a lease of ours a reservation. */
export const NO_LEASE = '0'

/** What stands at one key below `subnets/`. */
export type LeaseRecord = ValidRecord | BadRecord

interface RecordKey {
  /** The key below `subnets/`, such as `10.5.52.0-24`. */
  readonly name: string
  readonly kv: IKeyValue
}

export interface ValidRecord extends RecordKey {
  /**
   * Without `expiresAt`: when a lease of etcd's ends is known to the one who renews it, and to others only by a
   * request for each.
   */
  readonly lease: Lease
}

export interface BadRecord extends RecordKey {
  readonly lease?: undefined
  /** Why it is no lease. */
  readonly problem: string
  /** What its key names all the same: not to be leased to anyone. */
  readonly subnets?: LeaseSubnets | undefined
}

/** Reads a key and its value as flannel writes them. */
export function readRecord(kv: IKeyValue, keys: NetworkKeys): LeaseRecord {
  const name = keys.nameOf(kv.key)
  const subnets = parseLeaseKey(name)
  if (subnets === undefined) return { name, kv, problem: 'its key names no subnet' }
  // Such as 10.5.52.7-24. Whoever took it for a lease could neither renew nor delete it by what it says.
  if (leaseKey(subnets) !== name) {
    return { name, kv, subnets, problem: `its key would have to be ${leaseKey(subnets)}` }
  }
  try {
    const { subnet, ipv6Subnet } = subnets
    const attributes = decodeLeaseAttributes(kv.value.toString())
    // Spelled out: of a spread, V8 makes a shape of its own for each of tens of thousands of leases.
    return { name, kv, lease: { subnet, ipv6Subnet, attributes } }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { name, kv, subnets, problem: `its value is no lease: ${why}` }
  }
}

export const isReservation = ({ kv }: LeaseRecord): boolean => kv.lease === NO_LEASE
