import type { AbortOptions, ExternalInterfaceOptions, HostNetwork, HostRoute } from '@selvedge/core'
import { canonicalAddress, canonicalCidr, containsAddress } from '@selvedge/core/kit'
import type { NetlinkConnection } from '../netlink/index.js'
import { LinkTable } from '../read/link-table.js'
import {
  type AddressMessage,
  AF_INET6,
  IFA_F_DADFAILED,
  IFF_LOOPBACK,
  IFF_UP,
  type LinkMessage,
  type RouteMessage,
  type RoutePath,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RTN_UNICAST,
  RTNH_F_ONLINK,
  readAddressMessage,
  readRoute,
  writeGetAddresses,
  writeLookUpRoute,
} from '../rtnetlink/index.js'
import { isDefault, isDirect, readHostRoutes } from './host-routes.js'
import { type RoutedInterface, withRoutedNetworks } from './routed-networks.js'
import { type Candidate, type InterfaceChoice, type RouteTo, selectInterface } from './select-interface.js'
import { usableAddresses } from './usable-addresses.js'

/** Finds the interface that packets to peers leave by. */
export async function findExternalInterface(
  connection: NetlinkConnection,
  choices: readonly InterfaceChoice[],
  routeProtocol: number,
  { current, previous, ...options }: ExternalInterfaceOptions,
): Promise<RoutedInterface> {
  const links = await LinkTable.read(connection, options)
  const addresses = await connection.dump('reading addresses', writeGetAddresses, readAddressMessage, options)
  const hostRoutes = await readHostRoutes(connection, routeProtocol, options)
  const routes = hostRoutes.main.filter(describesHost)
  const direct = routes.filter((route) => isDirect(route) || isDefault(route))
  const candidates = links.links.map((link) => candidateOf(link, addresses, direct))
  const surroundings = {
    candidates,
    defaultIndex: choices.length > 0 ? undefined : defaultIndexOf(direct),
    routes: await lookUpRoutes(connection, choices, options),
  }
  const external = selectInterface(choices, surroundings, { current, previous })
  const host = hostNetwork(links, addresses, hostRoutes.main, links.byName(external.name)?.index ?? 0)
  const source = { connection, links, routes: hostRoutes, routeProtocol, addresses: host.addresses }
  const found = await withRoutedNetworks(external, source, options)
  return { ...found, external: { ...found.external, host } }
}

/**
 * Whether a route says where the host's own network is: a unicast route, unless its gateway is declared to be on the
 * link. That is often none: flanneld's routes name the peer's subnet.
 */
function describesHost(route: RouteMessage): boolean {
  if (route.type !== RTN_UNICAST) return false
  return route.gateway === undefined || (route.flags & RTNH_F_ONLINK) === 0 || isDefault(route)
}

/**
 * Whether a route is an overlay's to a peer, as flanneld's are: its gateway is one of the addresses that it leads to, and
 * so cannot be a router on the way there.
 */
const leadsToPeer = ({ destination }: RouteMessage, { gateway, flags }: RoutePath): boolean =>
  gateway !== undefined && (flags & RTNH_F_ONLINK) !== 0 && containsAddress(destination, gateway)

/** The gateways of a route that has some, one a path. */
const gatewaysOf = (route: RouteMessage): readonly string[] =>
  (route.paths.length > 0 ? route.paths : [route])
    .filter((path) => isDefault(route) || !leadsToPeer(route, path))
    .flatMap(({ gateway }) => gateway ?? [])

/**
 * What no peer's lease may take: the addresses of all links, the gateways of all routes, and where the routes lead that
 * leave by other links than the external interface, such as a VPN's.
 */
function hostNetwork(
  links: LinkTable,
  addresses: readonly AddressMessage[],
  main: readonly RouteMessage[],
  externalIndex: number,
): HostNetwork {
  const unicast = main.filter(({ type }) => type === RTN_UNICAST)
  const own = addresses.filter(
    ({ family, scope }) => scope !== RT_SCOPE_HOST && !(family === AF_INET6 && scope === RT_SCOPE_LINK),
  )
  const connected = new Set(own.map(({ local, prefixLength }) => canonicalCidr(`${local}/${prefixLength}`)))
  const elsewhere = unicast.filter(
    (route) =>
      describesHost(route) &&
      !isDefault(route) &&
      outgoing(route) !== externalIndex &&
      route.destination !== LINK_LOCAL &&
      !connected.has(route.destination),
  )
  const byGateway = unicast.flatMap((route) => {
    const [gateway] = isDefault(route) || outgoing(route) !== externalIndex ? [] : gatewaysOf(route)
    return gateway === undefined
      ? []
      : [{ link: links.nameOf(externalIndex) ?? '', destination: route.destination, gateway }]
  })
  return {
    addresses: own
      .map(({ index, local: address, prefixLength }) => ({
        link: links.nameOf(index) ?? '',
        address,
        prefixLength,
      }))
      .sort((a, b) => compareText(`${a.link} ${a.address}`, `${b.link} ${b.address}`)),
    gateways: [...new Set(unicast.flatMap(gatewaysOf))].sort(),
    macAddresses: hardwareAddresses(links),
    ...(elsewhere.length > 0 && {
      routes: elsewhere
        .map((route) => ({ link: links.nameOf(outgoing(route)) ?? '', destination: route.destination }))
        .sort(byDestination),
    }),
    ...(byGateway.length > 0 && { routesByGateway: byGateway.sort(byDestination) }),
  }
}

const hardwareAddresses = (links: LinkTable): readonly string[] =>
  links.links.flatMap(({ flags, address }) =>
    (flags & IFF_LOOPBACK) === 0 && address !== undefined ? [address] : [],
  )

/** The kernel has such a route for each link. */
const LINK_LOCAL = 'fe80::/64'

const compareText = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

const byDestination = (a: HostRoute, b: HostRoute): number =>
  compareText(a.link, b.link) || compareText(a.destination, b.destination)

/** The interface that a route leaves by; of several paths, the first one's. */
const outgoing = ({ paths, oif }: RouteMessage): number => paths[0]?.oif ?? oif

/** The interface of the default route with the lowest metric, IPv4 before IPv6; of several paths, the first. */
function defaultIndexOf(routes: readonly RouteMessage[]): number | undefined {
  const [best] = routes.filter(isDefault).sort((a, b) => a.family - b.family || a.priority - b.priority)
  return best && outgoing(best)
}

function candidateOf(
  { index, name, address, mtu, flags }: LinkMessage,
  addresses: readonly AddressMessage[],
  direct: readonly RouteMessage[],
): Candidate {
  const own = addresses.filter((address) => address.index === index)
  const onLink = direct.filter((route) => route.oif === index && isDirect(route) && !isDefault(route))
  return {
    index,
    name,
    macAddress: address,
    mtu,
    isUp: (flags & IFF_UP) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    addresses: usableAddresses(own),
    borne: own.filter(({ flags }) => (flags & IFA_F_DADFAILED) === 0).map(({ local }) => local),
    onLink: [...new Set(onLink.map(({ destination }) => destination))].filter(
      (destination) => destination !== LINK_LOCAL,
    ),
  }
}

async function lookUpRoutes(
  connection: NetlinkConnection,
  choices: readonly InterfaceChoice[],
  options: AbortOptions,
): Promise<ReadonlyMap<string, RouteTo>> {
  const routes = new Map<string, RouteTo>()
  for (const choice of choices) {
    if (typeof choice !== 'object' || choice instanceof RegExp) continue
    const address = canonicalAddress(choice.canReach)
    const [route] = await connection.request(
      `looking up the route to ${address}`,
      (writer, flags, sequence) => writeLookUpRoute(writer, flags, sequence, address),
      readRoute,
      { ...options, absence: NO_ROUTE },
    )
    if (route !== undefined) routes.set(choice.canReach, { index: route.oif, source: route.source })
  }
  return routes
}

/** Errors that mean that no route leads to an address. */
const NO_ROUTE = ['ENETUNREACH', 'EHOSTUNREACH'] as const
