import { OverlayError } from '../util/errors.js'
import { type Lease, leaseKey, leasesOverlap, sameNode } from './lease.js'

/**
 * Returns `held`, the lease that the store holds under the key of `lease`, if it is still the same node's. Throws an
 * OverlayError `LEASE_LOST` if there is none, or another node's.
 */
export function requireHeld(lease: Lease, held: Lease | undefined): Lease {
  if (held !== undefined && sameNode(held.attributes, lease.attributes)) return held
  const why = held === undefined ? 'it ended or was deleted' : `it is held by ${nodeOf(held)} now`
  throw new OverlayError(
    'LEASE_LOST',
    `renewing ${leaseKey(lease)} for ${nodeOf(lease)}: ${why}; acquire again`,
  )
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

/** What a store knows the lease's node by; for messages. */
const nodeOf = ({ attributes }: Lease): string =>
  attributes.publicIp ?? attributes.publicIpv6 ?? 'a node without a public address'
