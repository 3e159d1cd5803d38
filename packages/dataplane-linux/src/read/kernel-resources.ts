import {
  type AddressResource,
  addressKey,
  type FdbResource,
  fdbKey,
  type NeighbourResource,
  neighbourKey,
  type RouteResource,
  routeKey,
} from '@selvedge/core/kit'
import { type NexthopMessage, type RouteMessage, RTN_BLACKHOLE, RTNH_F_ONLINK } from '../rtnetlink/index.js'

/*
 * Resources equal to those that the core's functions make, from decoded messages. The codec yields canonical addresses
 * already; parsing each of 60,000 again took longer than reading them. The test compares these with the core's.
 */

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
  key: fdbKey(link, macAddress, destination),
  link,
  macAddress,
  destination,
})

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

export const routeKeyOf = ({ table, destination, tos, priority: metric }: RouteMessage): string =>
  routeKey({ table, destination, tos, metric })
