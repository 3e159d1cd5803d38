import type { StoreSettings } from '@selvedge/agent/flags'
import { type Lease, leaseKey, OverlayError } from '@selvedge/core'
import { canonicalCidr, parseCidr } from '@selvedge/core/kit'
import type { Context } from '../context.js'
import { Ended, EXIT } from '../exit-codes.js'
import { findLease, openOperatorStore, requireWritable } from '../store/open.js'
import { ownerOf } from './describe.js'
import { isReservedOnly } from './reservation.js'

/** Deletes a lease or a reservation; a lease that a node may use, only by force. */
export async function releaseCommand(
  { io, page }: Context,
  settings: StoreSettings,
  { subnet, force }: { readonly subnet: string; readonly force: boolean },
): Promise<void> {
  await using store = await openOperatorStore(settings, {
    signal: io.signal,
    onWarning: (text) => io.stderr(`selvedge: ${text}\n`),
  })
  requireWritable(store, `releasing ${subnet}`, 'delete the Node')
  const { leases, reserved } = await store.list()
  const lease = findLease(leases, parseCidr(subnet) === undefined ? subnet : canonicalCidr(subnet))
  if (lease === undefined) {
    throw new Ended(EXIT.notFound, `no lease in ${store.place} is of the subnet ${subnet}`)
  }
  const isReserved = reserved.has(leaseKey(lease))
  const harm = harmOf(lease, isReserved)
  if (harm !== undefined && !force) {
    throw new Ended(EXIT.refused, `not released: ${harm}; --force does it all the same`)
  }
  if (!isReserved) await store.manager.releaseLease(lease, { signal: io.signal })
  else if (store.manager.cancelReservation !== undefined) {
    await store.manager.cancelReservation(lease, { signal: io.signal })
  } else throw new OverlayError('UNSUPPORTED', `${store.place} has no way to delete a reservation`)
  // A release does nothing to a lease that another node holds by now.
  const left = findLease((await store.list()).leases, leaseKey(lease))
  if (left !== undefined) {
    throw new OverlayError(
      'LEASE_CONFLICT',
      `releasing ${leaseKey(lease)} of ${ownerOf(lease)}: ${ownerOf(left)} has written it again meanwhile; stop its agent first`,
    )
  }
  if (page.json) page.document({ released: leaseKey(lease), node: ownerOf(lease), wasReserved: isReserved })
  else page.text(`released ${leaseKey(lease)} of ${ownerOf(lease)}${isReserved ? ', a reservation' : ''}`)
}

/** What a release does to the node that holds the lease; undefined if no node can use it. */
function harmOf(lease: Lease, isReserved: boolean): string | undefined {
  const node = ownerOf(lease)
  if (isReserved && isReservedOnly(lease.attributes)) return undefined
  return (
    `${node} may use ${leaseKey(lease)} now: its peers remove their routes to its pods at once; ` +
    'if its agent runs, it leases a subnet again within a minute, the same one if that is still free, and otherwise ' +
    'its pods lose their addresses'
  )
}
