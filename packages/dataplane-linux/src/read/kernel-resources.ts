import type { AddressResource, FdbResource, NeighbourResource, RouteResource } from '@selvedge/core/kit'
import { type NexthopMessage, type RouteMessage, RTN_BLACKHOLE, RTNH_F_ONLINK } from '../rtnetlink/index.js'

/*
 * Resources equal to those that the core's functions make, from decoded messages. The codec yields canonical addresses
 * already; parsing each of 60,000 again took longer than reading them. The test compares these with the core's.
 */

// The keys as the core makes them.
export const addressKey = (link: string, address: string, prefixLength: number): string =>
  `address ${link} ${address}/${prefixLength}`
export const neighbourKey = (link: string, address: string): string => `neighbour ${link} ${address}`

export const addressResource = (link: string, address: string, prefixLength: number): AddressResource => ({
  kind: 'address',
  key: addressKey(link, address, prefixLength),
  link,
  address,
  prefixLength,
})

export const neighbourResource = (link: string, address: string, macAddress: string): NeighbourResource => ({
  kind: 'neighbour',
  key: neighbourKey(link, address),
  link,
  address,
  macAddress,
})

export const fdbResource = (link: string, macAddress: string, destination: string): FdbResource => ({
  kind: 'fdb',
  key: `fdb ${link} ${macAddress}${hasManyDestinations(macAddress) ? ` ${destination}` : ''}`,
  link,
  macAddress,
  destination,
})

/** A multicast MAC and the all-zero one may have several destinations, which are appended; any other MAC has one. */
export const hasManyDestinations = (macAddress: string): boolean =>
  (Number.parseInt(macAddress.slice(0, 2), 16) & 1) === 1 || macAddress === '00:00:00:00:00:00'

/**
 * A multipath route gets neither device nor gateway: nothing desired is like that, so it is replaced.
 *
 * @param nexthop the nexthop object that the route leads through, if any
 */
export function routeResource(
  message: RouteMessage,
  nexthop: NexthopMessage | undefined,
  nameOf: (index: number) => string | undefined,
): RouteResource {
  const { destination, table, tos, priority: metric, type, paths } = message
  const isBlackhole = type === RTN_BLACKHOLE
  const hasPath = !isBlackhole && paths.length === 0 && nexthop?.special !== true
  const path = nexthop ?? message
  return {
    kind: 'route',
    key: routeKeyOf(message),
    destination,
    table,
    tos,
    metric,
    type: isBlackhole ? 'blackhole' : 'unicast',
    device: hasPath ? nameOf(path.oif) : undefined,
    gateway: hasPath ? path.gateway : undefined,
    onLink: hasPath && (path.flags & RTNH_F_ONLINK) !== 0,
  }
}

export const routeKeyOf = ({ table, destination, tos, priority }: RouteMessage): string =>
  `route ${table} ${destination} ${tos} ${priority}`
