import { canonicalCidr } from '../net/cidr.js'
import { OverlayError } from '../util/errors.js'
import { type Lease, type LeaseAttributes, leaseKey, leasesOverlap, sameLease, sameNode } from './lease.js'

/**
 * Whether the node that last knew its lease as `lease`, and is to publish `attributes`, still holds it, judged by the
 * record that the store has under its key.
 *
 * A public address tells nodes apart as long as it stays the same. A node that goes by another one from now on must
 * find exactly what it wrote: another node may have got its former address meanwhile, and the lease with it. What says
 * already what is to be published was written by a call whose answer was lost.
 */
export function isHeldBy(
  lease: Lease,
  attributes: LeaseAttributes,
  record: Lease | undefined,
): record is Lease {
  if (record === undefined) return false
  if (sameNode(lease.attributes, attributes)) return sameNode(record.attributes, attributes)
  return sameLease(record, lease) || sameLease(record, { ...lease, attributes })
}

/**
 * Returns `held`, the lease that the store holds under the key of `lease`, if it is still the same node's (see
 * `isHeldBy`). Throws an OverlayError `LEASE_LOST` if it is not.
 */
export function requireHeld(
  lease: Lease,
  held: Lease | undefined,
  attributes: LeaseAttributes = lease.attributes,
): Lease {
  if (isHeldBy(lease, attributes, held)) return held
  const why = held === undefined ? 'it ended or was deleted' : whoHolds(lease, held)
  throw new OverlayError(
    'LEASE_LOST',
    `renewing ${leaseKey(lease)} for ${nodeOf(lease)}: ${why}; acquire again`,
  )
}

/**
 * Throws a TypeError if a reservation is one that no node would find: without an address, or with a subnet that is not
 * written as a lease has it (`10.5.52.7/24`).
 */
export function requireReservable({ subnet, ipv6Subnet, attributes }: Lease): void {
  for (const text of [subnet, ipv6Subnet].filter((each) => each !== undefined)) {
    if (canonicalCidr(text) !== text) throw new TypeError(`reserving ${text}: write ${canonicalCidr(text)}`)
  }
  if ((attributes.publicIp ?? attributes.publicIpv6) === undefined) {
    throw new TypeError(
      `reserving ${subnet ?? ipv6Subnet}: say for which node, by its publicIp or publicIpv6`,
    )
  }
}

/** Throws an OverlayError `LEASE_CONFLICT` if a lease of another node overlaps `reservation` in either family. */
export function requireUnheld(reservation: Lease, leases: readonly Lease[]): void {
  const other = leases.find(
    (lease) => !sameNode(lease.attributes, reservation.attributes) && leasesOverlap(lease, reservation),
  )
  if (other === undefined) return
  throw new OverlayError(
    'LEASE_CONFLICT',
    `reserving ${leaseKey(reservation)} for ${nodeOf(reservation)}: ${nodeOf(other)} holds ${leaseKey(other)}; ` +
      'release that first, or reserve another',
  )
}

/**
 * Whether a reservation that a store holds under the key of `reservation` may be deleted for it; false if there is none.
 * Throws an OverlayError `LEASE_CONFLICT` if it is another node's, or a lease that ends by itself.
 */
export function requireReservedFor(
  reservation: Lease,
  held: Lease | undefined,
  isReserved: boolean,
): held is Lease {
  if (held === undefined) return false
  if (isReserved && sameNode(held.attributes, reservation.attributes)) return true
  const why = isReserved ? whoHolds(reservation, held) : 'it is a lease by now, which ends unless renewed'
  throw new OverlayError(
    'LEASE_CONFLICT',
    `deleting the reservation ${leaseKey(reservation)} for ${nodeOf(reservation)}: ${why}; list again`,
  )
}

/** The error for a network config that is not what a conditional write was to replace. */
export const configChanged = (where: string): OverlayError =>
  new OverlayError(
    'CONFIG_CHANGED',
    `writing the network config to ${where}: another process has written it since it was read; read it again, then decide`,
  )

/** For messages. */
export function whoHolds(lease: Lease, held: Lease): string {
  return sameNode(lease.attributes, held.attributes)
    ? `another node that goes by ${nodeOf(held)} has rewritten it`
    : `it is held by ${nodeOf(held)} now`
}

/** What a store knows the lease's node by; for messages. */
const nodeOf = ({ attributes }: Lease): string =>
  attributes.publicIp ?? attributes.publicIpv6 ?? 'a node without a public address'
