import { type Lease, type LeaseSubnets, leaseKey } from '@selvedge/core'
import { decodeLeaseAttributes, parseLeaseKey } from '@selvedge/core/kit'
import type { IKeyValue } from 'etcd3'
import type { NetworkKeys } from './keys.js'

/** etcd's way to say that a key has no etcd lease, which makes the lease in it a reservation. */
export const NO_LEASE = '0'

/** The content of one key below `subnets/`. */
export type LeaseRecord = ValidRecord | BadRecord

interface RecordKey {
  /** The key below `subnets/`, such as `10.5.52.0-24`. */
  readonly name: string
  readonly kv: IKeyValue
}

export interface ValidRecord extends RecordKey {
  /**
   * Without `expiresAt`: only the node that renews an etcd lease knows when it ends; others would have to ask for each.
   */
  readonly lease: Lease
}

export interface BadRecord extends RecordKey {
  readonly lease?: undefined
  /** Why it is not a lease. */
  readonly problem: string
  /** The subnets that its key names all the same: no node may lease them. */
  readonly subnets?: LeaseSubnets | undefined
}

/** Reads a key and its value, in flannel's format. */
export function readRecord(kv: IKeyValue, keys: NetworkKeys): LeaseRecord {
  const name = keys.nameOf(kv.key)
  const subnets = parseLeaseKey(name)
  if (subnets === undefined) return { name, kv, problem: 'its key names no subnet' }
  // Such as 10.5.52.7-24. A node that took it for a lease could neither renew nor delete it under this key.
  if (leaseKey(subnets) !== name) {
    return { name, kv, subnets, problem: `its key would have to be ${leaseKey(subnets)}` }
  }
  try {
    const { subnet, ipv6Subnet } = subnets
    const attributes = decodeLeaseAttributes(kv.value.toString())
    // Spelled out: with a spread, each of tens of thousands of leases gets a hidden class of its own in V8.
    const [created, version] = [Number(kv.create_revision), Number(kv.mod_revision)]
    return { name, kv, lease: { subnet, ipv6Subnet, attributes, created, version } }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return { name, kv, subnets, problem: `its value is not a lease: ${why}` }
  }
}

export const isReservation = ({ kv }: LeaseRecord): boolean => kv.lease === NO_LEASE
