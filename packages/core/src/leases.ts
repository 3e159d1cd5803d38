import { contains, requireCidr } from './cidr.js'
import type { NetworkConfig } from './config.js'
import { OverlayError } from './errors.js'
import { type Lease, leaseKey, leasesOverlap, sameLease, sameNode } from './lease.js'
import type { LeaseEvent } from './subnet-manager.js'

/** A peer's lease came or changed (`put`), or went. */
export interface PeerEvent {
  readonly type: 'put' | 'delete'
  readonly lease: Lease
}

/** What a lease is to the node whose own lease is `own`. */
export type LeaseRole =
  | 'own'
  /** Our subnet in another node's name. */
  | 'taken'
  /** A lease that this very node held earlier: there is nobody behind it. */
  | 'former'
  /** Another subnet than ours, yet sharing addresses with it. */
  | 'overlapping'
  | 'peer'

export function roleOf(lease: Lease, own: Lease): LeaseRole {
  const node = sameNode(lease.attributes, own.attributes)
  if (leaseKey(lease) === leaseKey(own)) return node ? 'own' : 'taken'
  if (node) return 'former'
  return leasesOverlap(lease, own) ? 'overlapping' : 'peer'
}

/** Everyone's leases as the store last told them, by key. */
export class LeaseTable {
  readonly #leases = new Map<string, Lease>()

  get leases(): ReadonlyMap<string, Lease> {
    return this.#leases
  }

  /** Takes in what a watch told; returns what is new in it. What only says again what was known is no change. */
  take(event: LeaseEvent): readonly PeerEvent[] {
    if (event.type === 'snapshot') return this.#replace(event.leases)
    return event.type === 'put' ? this.#put(event.lease) : this.#delete(leaseKey(event.lease))
  }

  #replace(leases: readonly Lease[]): readonly PeerEvent[] {
    const keys = new Set(leases.map(leaseKey))
    const gone = [...this.#leases.keys()].filter((key) => !keys.has(key))
    return [...gone.flatMap((key) => this.#delete(key)), ...leases.flatMap((lease) => this.#put(lease))]
  }

  #put(lease: Lease): readonly PeerEvent[] {
    const key = leaseKey(lease)
    const before = this.#leases.get(key)
    this.#leases.set(key, lease)
    return before !== undefined && sameLease(before, lease) ? [] : [{ type: 'put', lease }]
  }

  #delete(key: string): readonly PeerEvent[] {
    const lease = this.#leases.get(key)
    this.#leases.delete(key)
    return lease === undefined ? [] : [{ type: 'delete', lease }]
  }
}

/** The leased subnets that lie outside the network as this node knows it: it was widened since this node started. */
export function subnetsOutside(config: NetworkConfig, { subnet, ipv6Subnet }: Lease): readonly string[] {
  const inside = (network: string | undefined, text: string) =>
    network !== undefined && contains(requireCidr(network), requireCidr(text))
  return [
    ...(subnet !== undefined && !inside(config.ipv4?.network, subnet) ? [subnet] : []),
    ...(ipv6Subnet !== undefined && !inside(config.ipv6?.network, ipv6Subnet) ? [ipv6Subnet] : []),
  ]
}

/** Why a lease is given no routes, where that is worth saying. */
export function refusal(lease: Lease, role: LeaseRole, own: Lease): OverlayError | undefined {
  if (role !== 'overlapping') return undefined
  return new OverlayError(
    'LEASE_CONFLICT',
    `lease ${leaseKey(lease)} of ${lease.attributes.publicIp ?? lease.attributes.publicIpv6} overlaps this node's own, ${leaseKey(own)}: it is given no routes; delete the wrong one of the two from the store`,
  )
}
