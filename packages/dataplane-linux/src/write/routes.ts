import type { Nexthop } from '../cache/nexthop-table.js'
import type { NetlinkError } from '../netlink/index.js'
import { RTPROT_BOOT } from '../rtnetlink/index.js'
import { adoptRoutes } from './adopt-routes.js'
import type { PendingRoute, WriteContext } from './batch.js'
import { writeDeleteRoute, writePutRoute } from './encode.js'
import { deleteNexthop, deleteNexthops, provideNexthops } from './nexthops.js'
import { describe, resultOf, SUCCESS } from './outcome.js'

/*
 * A route is held in one of two ways, which the core does not distinguish: inline, as flannel and operators write
 * routes, or through a nexthop object. The kernel compares the next hop of an inline IPv4 route with all others of the
 * same device, which is quadratic; through objects it is not (README). So the first few hundred routes of a device are
 * written inline and stay so, and batches beyond that use objects. An object is created before its route and deleted
 * after it; a route that changes from one way to the other is replaced where it stands.
 */

/** Puts and deletes routes, and sets the result of each. */
export async function applyRoutes(context: WriteContext, routes: readonly PendingRoute[]): Promise<void> {
  const puts = routes.filter(({ operation }) => operation.type === 'put')
  const deletes = routes.filter(({ operation }) => operation.type === 'delete')
  if (puts.length > 0) await putRoutes(context, puts)
  if (deletes.length > 0) await deleteRoutes(context, deletes)
}

async function putRoutes(context: WriteContext, puts: readonly PendingRoute[]): Promise<void> {
  const { state } = context
  await provideNexthops(context, puts)
  const refused = await writePuts(
    context,
    puts.filter(({ result }) => result === undefined),
  )
  await adoptRoutes(context, refused)
  const unused = new Set<Nexthop>()
  for (const { operation, nexthop, result = SUCCESS } of puts) {
    if (result.ok) {
      const previous = state.addRoute(operation.resource, nexthop)
      state.duplicateRoutes.delete(operation.resource.key)
      state.unmarkedRoutes.delete(operation.resource.key)
      if (previous !== undefined) unused.add(previous)
    } else if (nexthop !== undefined) {
      unused.add(nexthop)
    }
  }
  // Another route of the same batch may have come to use it.
  for (const nexthop of unused) if (nexthop.uses > 0) unused.delete(nexthop)
  await deleteNexthops(context, unused)
}

/** Writes the routes, and returns those that the kernel refused. */
async function writePuts(
  { connection, state, routeProtocol, options }: WriteContext,
  puts: readonly PendingRoute[],
): Promise<Map<PendingRoute, NetlinkError>> {
  const requests: { readonly route: PendingRoute; readonly deletesDuplicate: boolean }[] = []
  for (const route of puts) {
    // A replacement takes the place of the first of several alone.
    const duplicates = state.duplicateRoutes.get(route.operation.resource.key) ?? 0
    for (let number = 0; number < duplicates; number += 1) requests.push({ route, deletesDuplicate: true })
    requests.push({ route, deletesDuplicate: false })
  }
  const failures = await connection.batch(requests, {
    ...options,
    write: (writer, { route, deletesDuplicate }, sequence) => {
      const { operation, linkIndex, nexthop } = route
      const { resource } = operation
      if (deletesDuplicate) return writeDeleteRoute(writer, sequence, resource, routeProtocol)
      const isKnown =
        state.hasRoute(resource.key) || (operation.type === 'put' && operation.actual !== undefined)
      writePutRoute(writer, sequence, resource, {
        protocol: routeProtocol,
        linkIndex,
        nexthopId: nexthop?.id ?? 0,
        replace: isKnown,
      })
    },
    describe: ({ route }) => describe(route.operation),
  })
  const refused = new Map<PendingRoute, NetlinkError>()
  for (const [{ route, deletesDuplicate }, error] of failures) {
    if (!deletesDuplicate) refused.set(route, error)
  }
  return refused
}

type Deletion = { readonly route: PendingRoute; readonly protocol: number } | { readonly nexthop: Nexthop }

async function deleteRoutes(
  { connection, state, routeProtocol, options }: WriteContext,
  deletes: readonly PendingRoute[],
): Promise<void> {
  const deletions: Deletion[] = []
  const released = new Set<Nexthop>()
  for (const route of deletes) {
    const { resource } = route.operation
    const copies = state.duplicateRoutes.get(resource.key) ?? 1
    const protocols = state.unmarkedRoutes.has(resource.key) ? [RTPROT_BOOT, routeProtocol] : [routeProtocol]
    for (const protocol of protocols) {
      for (let copy = 0; copy < copies; copy += 1) deletions.push({ route, protocol })
    }
    const nexthop = state.removeRoute(resource)
    if (nexthop !== undefined) released.add(nexthop)
  }
  // In the same batch, so that no crash separates the end of a route from that of its nexthop object.
  for (const nexthop of released) {
    deletions.push({ nexthop })
    state.nexthops.forget(nexthop)
  }
  const failures = await connection.batch(deletions, {
    ...options,
    write: (writer, deletion, sequence) => {
      if ('nexthop' in deletion) deleteNexthop(writer, deletion.nexthop, sequence)
      else writeDeleteRoute(writer, sequence, deletion.route.operation.resource, deletion.protocol)
    },
    describe: (deletion) =>
      'nexthop' in deletion ? `delete nexthop ${deletion.nexthop.id}` : describe(deletion.route.operation),
  })
  for (const [deletion, error] of failures) {
    if ('route' in deletion) deletion.route.result = resultOf(deletion.route.operation, error)
  }
}
