import type { LeaseEvent } from '../contract/subnet-manager.js'
import { type Lease, leaseKey, leasesOverlap, sameLease, sameNode } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { type Cidr, contains, requireCidr } from '../net/cidr.js'
import { OverlayError } from '../util/errors.js'

/** A peer's lease came or changed (`put`), or went (`delete`). */
export interface PeerEvent {
  readonly type: 'put' | 'delete'
  readonly lease: Lease
}

/** What a lease is to the node whose own lease is `own`. */
export type LeaseRole =
  | 'own'
  /** Our subnet in another node's name. */
  | 'taken'
  /** A lease that this very node held earlier: no other node stands behind it. */
  | 'former'
  /** Another subnet than ours, yet sharing addresses with it. */
  | 'overlapping'
  | 'peer'

export function roleOf(lease: Lease, own: Lease): LeaseRole {
  const node = sameNode(lease.attributes, own.attributes)
  if (lease.subnet === own.subnet && lease.ipv6Subnet === own.ipv6Subnet) return node ? 'own' : 'taken'
  if (node) return 'former'
  return leasesOverlap(lease, own) ? 'overlapping' : 'peer'
}

/** Everyone's leases as the store last had them, by key. */
export class LeaseTable {
  readonly #leases = new Map<string, Lease>()

  get leases(): ReadonlyMap<string, Lease> {
    return this.#leases
  }

  /** Takes in what a watch yielded; returns what is new in it. A lease that says what it said before is no change. */
  take(event: LeaseEvent): readonly PeerEvent[] {
    const changes: PeerEvent[] = []
    if (event.type === 'snapshot') this.#replace(event.leases, changes)
    else if (event.type === 'put') this.#put(leaseKey(event.lease), event.lease, changes)
    else this.#delete(leaseKey(event.lease), changes)
    return changes
  }

  #replace(leases: readonly Lease[], changes: PeerEvent[]): void {
    const next = new Map(leases.map((lease) => [leaseKey(lease), lease]))
    for (const key of [...this.#leases.keys()]) if (!next.has(key)) this.#delete(key, changes)
    for (const [key, lease] of next) this.#put(key, lease, changes)
  }

  #put(key: string, lease: Lease, changes: PeerEvent[]): void {
    const before = this.#leases.get(key)
    this.#leases.set(key, lease)
    if (before === undefined || !sameLease(before, lease)) changes.push({ type: 'put', lease })
  }

  #delete(key: string, changes: PeerEvent[]): void {
    const lease = this.#leases.get(key)
    this.#leases.delete(key)
    if (lease !== undefined) changes.push({ type: 'delete', lease })
  }
}

/** What a network covers, and so which leases lie outside it. */
export class NetworkBounds {
  readonly #ipv4: Cidr | undefined
  readonly #ipv6: Cidr | undefined

  constructor({ ipv4, ipv6 }: NetworkConfig) {
    this.#ipv4 = ipv4 && requireCidr(ipv4.network)
    this.#ipv6 = ipv6 && requireCidr(ipv6.network)
  }

  /** The leased subnets outside the network as this node knows it: it was widened since this node started. */
  outside({ subnet, ipv6Subnet }: Lease): readonly string[] {
    const isOutside = (network: Cidr | undefined, text: string | undefined): text is string =>
      text !== undefined && (network === undefined || !contains(network, requireCidr(text)))
    const ipv4 = isOutside(this.#ipv4, subnet)
    const ipv6 = isOutside(this.#ipv6, ipv6Subnet)
    if (!ipv4 && !ipv6) return NONE
    return [...(ipv4 ? [subnet] : []), ...(ipv6 ? [ipv6Subnet] : [])]
  }
}

const NONE: readonly string[] = []

/** Why a lease is given no routes, if that is worth reporting. */
export function refusal(lease: Lease, role: LeaseRole, own: Lease): OverlayError | undefined {
  if (role !== 'overlapping') return undefined
  return new OverlayError(
    'LEASE_CONFLICT',
    `lease ${leaseKey(lease)} of ${lease.attributes.publicIp ?? lease.attributes.publicIpv6} overlaps this node's own, ${leaseKey(own)}: it is given no routes; delete the wrong one of the two from the store`,
  )
}
