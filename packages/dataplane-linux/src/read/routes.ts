import type { Nexthop } from '../cache/nexthop-table.js'
import {
  AF_INET,
  AF_INET6,
  type NexthopMessage,
  type RouteMessage,
  RTNH_F_ONLINK,
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
  const { source, links, state, resources } = reading
  const routes = await readOwnRoutes(reading)
  const nexthops = await readNexthops(reading)
  for (const nexthop of nexthops.values()) {
    if (nexthop.protocol === source.routeProtocol && state.ownLinks.has(nexthop.oif))
      addNexthop(reading, nexthop)
  }
  const nameOf = (index: number) => links.nameOf(index)
  for (const route of routes) {
    const nexthop = nexthops.get(route.nexthopId)
    const resource = routeResource(route, nexthop, nameOf)
    if (state.hasRoute(resource.key)) {
      reportDuplicate(reading, route)
      continue
    }
    // An object on a link that others use too is ours only if a route of ours leads through it.
    const isOwnNexthop = nexthop?.protocol === source.routeProtocol
    state.addRoute(resource, isOwnNexthop ? addNexthop(reading, nexthop) : undefined)
    watchDevice(reading, (nexthop ?? route).oif)
    resources.push(resource)
  }
}

function addNexthop(
  { state }: SnapshotReading,
  { id, oif, gateway, flags }: NexthopMessage,
): Nexthop | undefined {
  if (gateway === undefined) return undefined
  return state.nexthops.add(id, oif, gateway, (flags & RTNH_F_ONLINK) !== 0)
}

/** Of several routes under one key, one is reported, without a path: nothing desired is like that, so it is replaced. */
function reportDuplicate({ state, resources }: SnapshotReading, route: RouteMessage): void {
  const bare = routeResource({ ...route, paths: [route] }, undefined, () => undefined)
  state.duplicateRoutes.set(bare.key, (state.duplicateRoutes.get(bare.key) ?? 1) + 1)
  resources[resources.findIndex(({ key }) => key === bare.key)] = bare
}

async function readOwnRoutes({ source, state, options }: SnapshotReading): Promise<RouteMessage[]> {
  const { connection, routeProtocol: protocol } = source
  const own: RouteMessage[] = []
  for (const family of [AF_INET, AF_INET6]) {
    // The kernel filters, since a host may have a million other routes.
    const routes = await connection.dump(
      'reading routes',
      (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, { family, protocol }),
      readRoute,
      options,
    )
    for (const route of routes) {
      // A kernel without IPv6 answers with IPv4's.
      if (route.family === family && state.isOwnRoute(route)) own.push(route)
    }
  }
  return own
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
