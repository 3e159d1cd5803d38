import type { AbortOptions, ExternalInterface, HostAddress, RoutedNetwork } from '@selvedge/core'
import {
  cidrOf,
  contains,
  type Family,
  familyOf,
  lastAddress,
  parseAddress,
  requireCidr,
} from '@selvedge/core/kit'
import type { NetlinkConnection } from '../netlink/index.js'
import type { LinkTable } from '../read/link-table.js'
import { type RouteMessage, RT_TABLE_MAIN } from '../rtnetlink/index.js'
import { type HostRoutes, isDefault, isDirect } from './host-routes.js'
import { type FoundRoute, findRoutes } from './route-lookup.js'
import { sampleAddresses } from './sample-addresses.js'

export interface RoutedSource {
  readonly connection: NetlinkConnection
  readonly links: LinkTable
  readonly routes: HostRoutes
  /** RTPROT_* of our own routes. */
  readonly routeProtocol: number
  readonly addresses: readonly HostAddress[]
}

export interface RoutedInterface {
  readonly external: ExternalInterface
  /**
   * The indexes of the other links that its peers are reached through. If one of them goes down, the kernel drops its
   * IPv4 routes without a notification (net/ipv4/fib_frontend.c).
   */
  readonly detours: ReadonlySet<number>
}

/**
 * Which networks on the link of the interface the host sends elsewhere, and which others it reaches straight out of it.
 *
 * The kernel is asked: it alone knows what its policy rules, tables, metrics, multipath and dead routes come to. It
 * decides by the address, but can decide differently only for those networks that a route or a rule names. So it is asked
 * for one address of each, and not for each of tens of thousands of peers.
 */
export async function withRoutedNetworks(
  external: ExternalInterface,
  source: RoutedSource,
  options: AbortOptions,
): Promise<RoutedInterface> {
  const index = source.links.byName(external.name)?.index ?? 0
  const samples = [4, 6].flatMap((family) => samplesOf(family as Family, external, source))
  const found = await findRoutes(
    source.connection,
    samples.map(([, address]) => address),
    options,
  )
  const onLink = new Set(external.onLink)
  const routed: RoutedNetwork[] = []
  const detours = new Set<number>()
  for (const [position, [network]] of samples.entries()) {
    const route = withoutOurs(found[position] ?? 'ENETUNREACH', network, source)
    if (route === undefined) continue
    if (typeof route === 'object' && route.oif === index && isDirect(route)) onLink.add(network)
    else routed.push({ network, by: describeRoute(route, network, source.links) })
    if (typeof route === 'object') for (const { oif } of [route, ...route.paths]) detours.add(oif)
  }
  detours.delete(index)
  return {
    external: { ...external, onLink: [...onLink], ...(routed.length === 0 ? {} : { routed }) },
    detours,
  }
}

/** The networks of one family that a route or rule names inside what is on the link, each with an address of its own. */
function samplesOf(
  family: Family,
  external: ExternalInterface,
  { routes: { main, others, rules }, links, addresses }: RoutedSource,
): readonly (readonly [network: string, address: string])[] {
  const isOfFamily = (text: string): boolean => familyOf(text) === family
  const index = links.byName(external.name)?.index
  const outer = [
    ...external.onLink,
    ...others
      .filter((route) => route.oif === index && isDirect(route) && !isDefault(route))
      .map(({ destination }) => destination),
  ]
  const around = [...new Set(outer)].filter(isOfFamily).map(requireCidr)
  const named = [
    ...main.map(({ destination }) => destination),
    ...others.map(({ destination }) => destination),
    ...rules.flatMap(({ destination }) => destination ?? []),
  ]
  const inside = [...new Set(named)]
    .filter(isOfFamily)
    .map(requireCidr)
    .filter((network) => around.some((other) => contains(other, network)))
  return [...sampleAddresses([...around, ...inside], takenOf(addresses, family))]
}

/** What no packet is sent to: the host's own addresses, and the first and the last of the networks that they are in. */
function takenOf(addresses: readonly HostAddress[], family: Family): ReadonlySet<bigint> {
  const taken = new Set<bigint>()
  for (const { address: text, prefixLength } of addresses) {
    const address = familyOf(text) === family ? parseAddress(text) : undefined
    if (address === undefined) continue
    const network = cidrOf(address, prefixLength)
    for (const value of [address.value, network.base, lastAddress(network)]) taken.add(value)
  }
  return taken
}

/**
 * A route of our own, which an earlier run may have left, is not what the host has for its own network: there its own
 * route counts, of several the one of the lowest metric. Undefined if it has none.
 */
function withoutOurs(
  route: FoundRoute,
  network: string,
  { routes, routeProtocol }: RoutedSource,
): FoundRoute | undefined {
  if (typeof route === 'string' || route.protocol !== routeProtocol) return route
  const [best] = routes.main
    .filter(({ destination }) => destination === network)
    .sort((a, b) => a.priority - b.priority)
  return best
}

/** What the errors of a look-up are called as types of routes. */
const DEAD_ENDS: Readonly<Record<string, string>> = {
  EINVAL: 'blackhole',
  EHOSTUNREACH: 'unreachable',
  EACCES: 'prohibited',
  ENETUNREACH: 'without a route',
}

/** As iproute2 has it: `172.16.9.0/24 via 172.16.0.9 dev eth0 table 100`. */
function describeRoute(route: FoundRoute, network: string, links: LinkTable): string {
  if (typeof route === 'string') return `${network}, which is ${DEAD_ENDS[route] ?? route}`
  const { destination, gateway, oif, paths, table } = route
  const way = (path: Pick<RouteMessage, 'gateway' | 'oif'>): string =>
    (path.gateway === undefined ? '' : ` via ${path.gateway}`) +
    (path.oif === 0 ? '' : ` dev ${links.nameOf(path.oif)}`)
  const ways =
    paths.length === 0 ? way({ gateway, oif }) : paths.map((path) => ` nexthop${way(path)}`).join('')
  return `${destination}${ways}${table === RT_TABLE_MAIN ? '' : ` table ${table}`}`
}
