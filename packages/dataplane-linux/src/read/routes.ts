import { isDrawnId } from '../cache/nexthop-table.js'
import {
  AF_INET,
  AF_INET6,
  type NexthopMessage,
  type RouteMessage,
  RTNH_F_ONLINK,
  RTPROT_BOOT,
  readNexthop,
  readRoute,
  writeGetNexthops,
  writeGetRoutes,
} from '../rtnetlink/index.js'
import { routeResource } from './kernel-resources.js'
import { fingerprint } from './link-table.js'
import type { SnapshotReading } from './reading.js'

/** Reads our routes and nexthop objects into a snapshot. */
export async function readRoutes(reading: SnapshotReading): Promise<void> {
  const { links, state, resources, slices, options } = reading
  const routes = await readRoutesOfProtocol(reading)
  const nexthops = await readNexthops(reading)
  const own: RouteMessage[] = []
  const usedByOthers = new Set<number>()
  for (const route of routes) {
    if (slices.isOver()) await slices.turn(options)
    if (state.isOwnRoute(route)) own.push(route)
    else usedByOthers.add(route.nexthopId)
  }
  await addOwnNexthops(reading, usedByOthers, nexthops)
  const nameOf = (index: number) => links.nameOf(index)
  for (const route of own) {
    if (slices.isOver()) await slices.turn(options)
    const nexthop = nexthops.get(route.nexthopId)
    // On a link that is not ours, routes must be inline. One that is not is reported as multipath, and so replaced.
    const isMisplaced = nexthop !== undefined && !state.ownLinks.has(nexthop.oif)
    const resource = routeResource(isMisplaced ? { ...route, paths: [route] } : route, nexthop, nameOf)
    if (route.protocol === RTPROT_BOOT) state.unmarkedRoutes.add(resource.key)
    if (state.hasRoute(resource.key)) {
      reportDuplicate(reading, route)
      continue
    }
    state.addRoute(resource, state.nexthops.get(route.nexthopId))
    watchDevice(reading, (nexthop ?? route).oif)
    resources.push(resource)
  }
}

/**
 * Objects of our protocol are ours on our own links. On the external interface, those with an id that a driver like
 * this one draws are ours if one of our routes leads through them, or none at all does: an earlier version made them.
 */
async function addOwnNexthops(
  { source, links, state, slices, options }: SnapshotReading,
  usedByOthers: ReadonlySet<number>,
  nexthops: ReadonlyMap<number, NexthopMessage>,
): Promise<void> {
  const external = links.byName(state.scope.externalInterface ?? '')?.index
  for (const { id, protocol, oif, gateway, flags } of nexthops.values()) {
    if (slices.isOver()) await slices.turn(options)
    if (protocol !== source.routeProtocol || gateway === undefined || usedByOthers.has(id)) continue
    const isOurs = state.ownLinks.has(oif) || (oif === external && isDrawnId(id))
    if (isOurs) state.nexthops.add(id, oif, gateway, (flags & RTNH_F_ONLINK) !== 0)
  }
}

/** Of several routes under one key, one is reported, without a path: nothing desired is like that, so it is replaced. */
function reportDuplicate({ state, resources }: SnapshotReading, route: RouteMessage): void {
  const bare = routeResource({ ...route, paths: [route] }, undefined, () => undefined)
  state.duplicateRoutes.set(bare.key, (state.duplicateRoutes.get(bare.key) ?? 1) + 1)
  resources[resources.findIndex(({ key }) => key === bare.key)] = bare
}

/** Of our protocol, and of none if some of these may be ours. */
async function readRoutesOfProtocol({ source, state, options }: SnapshotReading): Promise<RouteMessage[]> {
  const { connection, routeProtocol } = source
  const protocols = state.scope.isUnmarkedOurs === undefined ? [routeProtocol] : [routeProtocol, RTPROT_BOOT]
  const filters = protocols.flatMap((protocol) => [AF_INET, AF_INET6].map((family) => ({ protocol, family })))
  const found: RouteMessage[] = []
  for (const { protocol, family } of filters) {
    // The kernel filters, since a host may have a million other routes.
    const routes = await connection.dump(
      'reading routes',
      (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, { family, protocol }),
      readRoute,
      options,
    )
    for (const route of routes) {
      // A kernel without IPv6 answers with IPv4's, and one without strict dumps with every protocol's.
      if (route.family === family && route.protocol === protocol) found.push(route)
    }
  }
  return found
}

async function readNexthops({
  source,
  options,
}: SnapshotReading): Promise<ReadonlyMap<number, NexthopMessage>> {
  if (!source.hasNexthops) return new Map()
  const nexthops = await source.connection.dump('reading nexthops', writeGetNexthops, readNexthop, options)
  return new Map(nexthops.map((nexthop) => [nexthop.id, nexthop]))
}

function watchDevice({ links, state }: SnapshotReading, index: number): void {
  const device = state.watchedLinks.has(index) ? undefined : links.byIndex(index)
  if (device !== undefined) state.watchLink(device, fingerprint(device))
}
