import type { LeaseAttributes, LeaseSubnets } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import type { ICompare, IKeyValue, IRequestOp, ITxnRequest } from 'etcd3'
import type { NetworkKeys } from './keys.js'

/**
 * The transactions that write leases. Each compares what it is based on, and does nothing if another node was faster.
 *
 * A lease's key begins with its IPv4 subnet, and two nodes that choose the same one choose the same key. Its IPv6 subnet
 * only follows, so that no comparison of lease keys shows whether it was taken since they were listed. Therefore a new
 * lease with an IPv6 subnet also writes the key of that subnet below `ipv6-claims/`, with the same etcd lease, and
 * requires that no other node has written it since the list. A claim means nothing beyond that: only leases say who holds
 * a subnet.
 */

/** All comparisons must hold for `success` to be carried out. */
export type Transaction = Required<Pick<ITxnRequest, 'compare' | 'success'>>

export interface NewLease {
  readonly subnets: LeaseSubnets
  readonly attributes: LeaseAttributes
  /** The etcd lease to attach it to. */
  readonly etcdLease: string
  /** The revision at which all leases were listed, and these subnets were free. */
  readonly listedAt: bigint
  /**
   * Whether to require that no node at all has created a lease since. flanneld writes no claims: nothing else prevents
   * that we take the IPv6 subnet that it chose between our list and our creation. Many nodes that join at once would
   * block each other with it.
   */
  readonly alone: boolean
  /** Leases of the same node that this one replaces. */
  readonly replaces: readonly IKeyValue[]
  /** What is under its key and is no lease. */
  readonly overwrites?: IKeyValue | undefined
}

export function createLease(keys: NetworkKeys, lease: NewLease): Transaction {
  const { subnets, attributes, etcdLease, listedAt, alone, replaces, overwrites } = lease
  const { subnet, ipv6Subnet } = subnets
  const key = keys.lease(subnets)
  const since = String(listedAt + 1n)
  const compare: ICompare[] = [
    overwrites === undefined
      ? { key, target: 'Version', result: 'Equal', version: '0' }
      : unchanged(overwrites),
  ]
  const success: IRequestOp[] = [put(key, attributes, etcdLease)]
  if (subnet !== undefined) {
    compare.push({ ...keys.leasesAt(subnet), target: 'Create', result: 'Less', create_revision: since })
  }
  if (ipv6Subnet !== undefined) {
    const claim = keys.claim(ipv6Subnet)
    compare.push({ key: claim, target: 'Mod', result: 'Less', mod_revision: since })
    success.push({ request_put: { key: claim, value: key, lease: etcdLease } })
    if (alone) compare.push({ ...keys.leases, target: 'Create', result: 'Less', create_revision: since })
  }
  return withDeletes({ compare, success }, replaces)
}

export interface RewrittenLease {
  /** The record as it was read. */
  readonly was: IKeyValue
  readonly subnets: LeaseSubnets
  /** Absent: the value stays as it is. */
  readonly attributes?: LeaseAttributes | undefined
  /** The etcd lease to attach it to from now on; if it is another one than before, the claim moves too. */
  readonly etcdLease: string
  readonly replaces: readonly IKeyValue[]
}

/** Undefined if there is nothing to write. */
export function rewriteLease(keys: NetworkKeys, lease: RewrittenLease): Transaction | undefined {
  const { was, subnets, attributes, etcdLease, replaces } = lease
  const moved = etcdLease !== was.lease
  const success: IRequestOp[] = []
  if (moved || attributes !== undefined) {
    const value = attributes === undefined ? was.value : encode(attributes)
    success.push({ request_put: { key: was.key, value, lease: etcdLease } })
  }
  if (moved && subnets.ipv6Subnet !== undefined) {
    const claim = keys.claim(subnets.ipv6Subnet)
    success.push({ request_put: { key: claim, value: was.key, lease: etcdLease } })
  }
  if (success.length === 0 && replaces.length === 0) return undefined
  return withDeletes({ compare: [unchanged(was)], success }, replaces)
}

export function deleteLease(keys: NetworkKeys, was: IKeyValue, { ipv6Subnet }: LeaseSubnets): Transaction {
  const success: IRequestOp[] = [{ request_delete_range: { key: was.key } }]
  if (ipv6Subnet !== undefined) success.push({ request_delete_range: { key: keys.claim(ipv6Subnet) } })
  return { compare: [unchanged(was)], success }
}

/** Writes the network config if it is `replaces`, or if there is none for null. */
export function replaceConfig(keys: NetworkKeys, replaces: string | null, text: string): Transaction {
  const key = Buffer.from(keys.config)
  const compare: ICompare =
    replaces === null
      ? { key, target: 'Version', result: 'Equal', version: '0' }
      : { key, target: 'Value', result: 'Equal', value: Buffer.from(replaces) }
  return { compare: [compare], success: [{ request_put: { key, value: Buffer.from(text) } }] }
}

function withDeletes({ compare, success }: Transaction, replaces: readonly IKeyValue[]): Transaction {
  return {
    compare: [...compare, ...replaces.map(unchanged)],
    success: [...success, ...replaces.map(({ key }) => ({ request_delete_range: { key } }))],
  }
}

const unchanged = ({ key, mod_revision }: IKeyValue): ICompare => ({
  key,
  target: 'Mod',
  result: 'Equal',
  mod_revision,
})

const put = (key: Buffer, attributes: LeaseAttributes, lease: string): IRequestOp => ({
  request_put: { key, value: encode(attributes), lease },
})

export const encode = (attributes: LeaseAttributes): Buffer => Buffer.from(encodeLeaseAttributes(attributes))
