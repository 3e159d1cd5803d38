import { type Operation, type OperationResult, OverlayError } from '@selvedge/core'
import { familyOf, type RouteResource } from '@selvedge/core/kit'
import type { NetlinkError } from '../netlink/index.js'
import { routeKeyOf } from '../read/kernel-resources.js'
import {
  AF_INET,
  AF_INET6,
  type RouteMessage,
  RTN_BLACKHOLE,
  RTNH_F_ONLINK,
  readRoute,
  writeGetRoutes,
} from '../rtnetlink/index.js'
import type { PendingRoute, WriteContext } from './batch.js'
import { writePutRoute } from './encode.js'
import { describe, resultOf } from './outcome.js'

/**
 * Decides what becomes of refused routes, and sets the result of those that fail in the end. A route in the place of
 * ours (EEXIST) is adopted if it leads the same way (flanneld's, with another protocol number) or through a link of
 * ours; one that leads elsewhere is not ours and stays.
 */
export async function adoptRoutes(
  context: WriteContext,
  refused: ReadonlyMap<PendingRoute, NetlinkError>,
): Promise<void> {
  const { connection, routeProtocol, options } = context
  const blocked: PendingRoute[] = []
  for (const [route, error] of refused) {
    if (error.errno === 'EEXIST') blocked.push(route)
    else route.result = resultOf(route.operation, error)
  }
  if (blocked.length === 0) return
  const rivals = await readRivals(context, blocked)
  for (const route of blocked) {
    const rival = rivals.get(route.operation.resource.key)
    if (rival !== undefined && !mayAdopt(context, rival, route)) {
      route.result = conflict(route.operation, rival)
    }
  }
  const failures = await connection.batch(
    blocked.filter(({ result }) => result === undefined),
    {
      ...options,
      write: (writer, { operation, linkIndex, nexthop }, sequence) =>
        writePutRoute(writer, sequence, operation.resource, {
          protocol: routeProtocol,
          linkIndex,
          nexthopId: nexthop?.id ?? 0,
          replace: true,
        }),
      describe: ({ operation }) => describe(operation),
    },
  )
  for (const [route, error] of failures) route.result = resultOf(route.operation, error)
}

/** The routes that carry traffic in the place of ours, by key. */
async function readRivals(
  { connection, options }: WriteContext,
  blocked: readonly PendingRoute[],
): Promise<ReadonlyMap<string, RouteMessage>> {
  const tables = new Map<string, { readonly family: number; readonly table: number }>()
  for (const { operation } of blocked) {
    const { destination, table } = operation.resource
    const family = familyOf(destination) === 4 ? AF_INET : AF_INET6
    tables.set(`${family} ${table}`, { family, table })
  }
  const found = new Map<string, RouteMessage>()
  for (const filter of tables.values()) {
    const routes = await connection.dump(
      'reading the routes in the place of ours',
      (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, filter),
      readRoute,
      options,
    )
    for (const route of routes) {
      const key = routeKeyOf(route)
      // The first of several carries traffic, and is the one that a replacement takes the place of.
      if (!found.has(key)) found.set(key, route)
    }
  }
  return found
}

function mayAdopt(
  { state, routeProtocol }: WriteContext,
  rival: RouteMessage,
  { operation, linkIndex }: PendingRoute,
): boolean {
  const { type, gateway, onLink } = operation.resource
  if (rival.protocol === routeProtocol || state.ownLinks.has(rival.oif)) return true
  if (type === 'blackhole') return rival.type === RTN_BLACKHOLE
  const isOnLink = (rival.flags & RTNH_F_ONLINK) !== 0
  const isSamePath = rival.oif === linkIndex && rival.gateway === gateway && isOnLink === onLink
  return rival.paths.length === 0 && isSamePath
}

function conflict(operation: Operation<RouteResource>, rival: RouteMessage): OperationResult {
  const { destination, protocol, oif, gateway } = rival
  const via = gateway === undefined ? '' : ` via ${gateway}`
  const error = new OverlayError(
    'RESOURCE_CONFLICT',
    `${describe(operation)}: a route${via} through interface ${oif}, of protocol ${protocol}, is in its place and is ` +
      `not ours; remove it (ip route del ${destination} proto ${protocol}) or choose another network`,
    { errno: 'EEXIST' },
  )
  return { ok: false, error }
}
