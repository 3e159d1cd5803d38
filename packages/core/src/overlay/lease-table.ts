import type { LeaseEvent } from '../contract/subnet-manager.js'
import {
  type Lease,
  type LeaseAttributes,
  leaseKey,
  leasesOverlap,
  sameLease,
  sameNode,
} from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { type AddressRange, rangeContains, rangeOfNetwork } from '../net/address-ranges.js'
import { HOW_TO_CHOOSE_ADDRESS } from '../net/public-address.js'
import { OverlayError } from '../util/errors.js'
import { FORGOTTEN_LEASE_GRACE_MS, ForgottenLeases } from './forgotten-leases.js'

/** A peer's lease came or changed (`put`), or went (`delete`). */
export interface PeerEvent {
  /** `put` for a lease that is new or has changed; `delete` for one that is gone. */
  readonly type: 'put' | 'delete'
  /** As it is now; of `delete`, as it was last known. */
  readonly lease: Lease
}

/** What a lease is to the node whose own lease is `own`. */
export type LeaseRole =
  | 'own'
  /** Our subnet in another node's name. */
  | 'taken'
  /** Another subnet in the name of our public address: our own from earlier, or another node's that goes by it too. */
  | 'namesake'
  /** Another subnet than ours, yet sharing addresses with it. */
  | 'overlapping'
  | 'peer'

export function roleOf(lease: Lease, own: Lease): LeaseRole {
  const node = sameNode(lease.attributes, own.attributes)
  if (lease.subnet === own.subnet && lease.ipv6Subnet === own.ipv6Subnet) return node ? 'own' : 'taken'
  if (node) return 'namesake'
  return leasesOverlap(lease, own) ? 'overlapping' : 'peer'
}

/** Everyone's leases as the store last had them, by key. */
export class LeaseTable {
  readonly #leases = new Map<string, Lease>()
  readonly #forgotten = new ForgottenLeases()

  get leases(): ReadonlyMap<string, Lease> {
    return this.#leases
  }

  /** How many of them the store has lost. */
  get forgotten(): number {
    return this.#forgotten.size
  }

  /**
   * Takes in an event of a watch; returns what is new in it. A `put` that repeats what was known is no change.
   *
   * After a reset of the store, other nodes' leases that are missing are kept: see `ForgottenLeases`.
   *
   * @param now by a monotonic clock, in ms
   * @param own what this node publishes
   */
  take(event: LeaseEvent, now: number, own: LeaseAttributes): readonly PeerEvent[] {
    const changes: PeerEvent[] = []
    if (event.type === 'snapshot') {
      if (event.storeWasReset === true) this.#forget(now, own)
      this.#replace(event.leases, changes)
    } else if (event.type === 'put') this.#put(leaseKey(event.lease), event.lease, changes)
    else this.#delete(leaseKey(event.lease), changes)
    return changes
  }

  /** Returns the forgotten leases that have expired. */
  expire(now: number): readonly PeerEvent[] {
    const changes: PeerEvent[] = []
    for (const key of this.#forgotten.expired(now)) this.#delete(key, changes)
    return changes
  }

  #forget(now: number, own: LeaseAttributes): void {
    for (const lease of this.#leases.values()) {
      const isKept = !sameNode(lease.attributes, own) && !this.#forgotten.has(leaseKey(lease))
      if (isKept) this.#forgotten.add(lease, now + FORGOTTEN_LEASE_GRACE_MS)
    }
  }

  #replace(leases: readonly Lease[], changes: PeerEvent[]): void {
    const listed = new Map(leases.map((lease) => [leaseKey(lease), lease]))
    for (const key of [...this.#leases.keys()]) {
      if (!listed.has(key) && !this.#forgotten.has(key)) this.#delete(key, changes)
    }
    for (const [key, lease] of listed) this.#put(key, lease, changes)
  }

  #put(key: string, lease: Lease, changes: PeerEvent[]): void {
    for (const replaced of this.#forgotten.replacedBy(lease)) {
      if (replaced !== key) this.#delete(replaced, changes)
    }
    this.#forgotten.delete(key)
    const before = this.#leases.get(key)
    this.#leases.set(key, lease)
    if (before === undefined || !isSameRecord(before, lease)) changes.push({ type: 'put', lease })
  }

  #delete(key: string, changes: PeerEvent[]): void {
    this.#forgotten.delete(key)
    const lease = this.#leases.get(key)
    this.#leases.delete(key)
    if (lease !== undefined) changes.push({ type: 'delete', lease })
  }
}

/** True if nothing has changed that decides on the lease's resources. */
function isSameRecord(before: Lease, after: Lease): boolean {
  if (before.created !== after.created) return false
  try {
    return sameLease(before, after)
  } catch {
    // A store that bounds nothing may hold data nested too deep to be compared: that lease is decided on again.
    return false
  }
}

/** What a network covers, and so which leases lie outside it. */
export class NetworkBounds {
  readonly #ipv4: AddressRange | undefined
  readonly #ipv6: AddressRange | undefined

  constructor({ ipv4, ipv6 }: NetworkConfig) {
    this.#ipv4 = ipv4 && rangeOfNetwork(ipv4.network)
    this.#ipv6 = ipv6 && rangeOfNetwork(ipv6.network)
  }

  /** The leased subnets outside the network as this node knows it. */
  outside({ subnet, ipv6Subnet }: Lease): readonly string[] {
    const ipv4 = isOutside(this.#ipv4, subnet)
    const ipv6 = isOutside(this.#ipv6, ipv6Subnet)
    if (!ipv4 && !ipv6) return NONE
    return [ipv4 ? subnet : undefined, ipv6 ? ipv6Subnet : undefined].filter((text) => text !== undefined)
  }
}

const NONE: readonly string[] = []

const isOutside = (network: AddressRange | undefined, subnet: string | undefined): boolean =>
  subnet !== undefined && (network === undefined || !rangeContains(network, rangeOfNetwork(subnet)))

/** Why a lease in the name of this node's public address is given no routes. */
export function namesakeRefusal(lease: Lease, own: Lease): OverlayError {
  const address = lease.attributes.publicIp ?? lease.attributes.publicIpv6
  return new OverlayError(
    'LEASE_CONFLICT',
    `lease ${leaseKey(lease)} bears the public address of this node, ${address}, whose lease is ${leaseKey(own)}: ` +
      'it is given no routes. If another node goes by that address, peers reach only one of the two: give each an ' +
      `address of its own (${HOW_TO_CHOOSE_ADDRESS}); if not, delete that lease from the store`,
  )
}
