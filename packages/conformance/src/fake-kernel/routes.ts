import { type Family, requireCidr, route } from '@selvedge/core/kit'
import { FakeKernelError } from './errors.js'
import { checkGateway, linkTowards } from './lookup.js'
import { type KernelState, requireIpv6 } from './state.js'
import type { LinkState, RouteState } from './types.js'

/**
 * rtm_protocol by the names that `ip route` prints (include/uapi/linux/rtnetlink.h, RTPROT_*). `boot` is what `ip`
 * and flanneld write unless asked for another.
 */
export const ROUTE_PROTOCOLS = {
  kernel: 2,
  boot: 3,
  static: 4,
  ra: 9,
  zebra: 11,
  bird: 12,
  dhcp: 16,
  bgp: 186,
  ospf: 188,
} as const

/** A protocol by name, or any other by number (0 to 255). */
export type RouteProtocol = keyof typeof ROUTE_PROTOCOLS | number

export const protocolNumber = (protocol: RouteProtocol): number =>
  typeof protocol === 'number' ? protocol : ROUTE_PROTOCOLS[protocol]

/** A route as it is asked for. What is absent is as `ip route add` has it. */
export interface FakeRoute {
  /** CIDR. */
  readonly destination: string
  /** Default: 254, `main`. */
  readonly table?: number | undefined
  /** From 0 to 255. Default: 0. */
  readonly tos?: number | undefined
  /** Default: 0 for IPv4, 1024 for IPv6. */
  readonly metric?: number | undefined
  /** Default: `unicast`. */
  readonly type?: 'unicast' | 'blackhole' | undefined
  /** The name of the link that it leads through. Default: the one whose network has the gateway. */
  readonly device?: string | undefined
  /** An IP address. Default: none. */
  readonly gateway?: string | undefined
  /** Whether the gateway counts as being on the link, whatever its address. Default: false. */
  readonly onLink?: boolean | undefined
  /** Who made it. Default: `boot`, as for `ip`. */
  readonly protocol?: RouteProtocol | undefined
}

/** Metric of the routes to a connected IPv6 network (include/net/ip6_route.h, IP6_RT_PRIO_ADDRCONF). */
const IP6_RT_PRIO_ADDRCONF = 256

/**
 * `add` refuses a key that is taken (NLM_F_EXCL), `replace` takes the place of the first route of that key, and
 * `append` puts one more behind it.
 */
export function addRoute(state: KernelState, asked: FakeRoute, mode: 'add' | 'replace' | 'append'): void {
  const { key, made } = makeRoute(state, asked)
  const held = state.routes.get(key) ?? []
  if (held.length > 0 && mode === 'add') {
    throw new FakeKernelError('EEXIST', `a route to ${made.destination} of this metric exists`)
  }
  const twin = held.findIndex((one) => isSame(one, made))
  if (twin > 0 || (twin === 0 && mode === 'append')) {
    throw new FakeKernelError('EEXIST', `the very same route to ${made.destination} exists`)
  }
  const [first, ...others] = held
  state.routeIndex.add(made)
  if (first !== undefined && mode === 'replace') {
    state.routeIndex.delete(first)
    state.routes.set(key, [made, ...others])
    state.onChange({ verb: 'changed', kind: 'route', link: made.link, route: made })
  } else {
    state.routes.set(key, [...held, made])
    state.onChange({ verb: 'added', kind: 'route', link: made.link, route: made })
  }
}

const isSame = (a: RouteState, b: RouteState): boolean =>
  a.type === b.type &&
  a.link === b.link &&
  a.gateway === b.gateway &&
  a.onLink === b.onLink &&
  a.protocol === b.protocol

/** Which route to delete; what is absent matches any. */
export type FakeRouteMatch = Pick<
  FakeRoute,
  'destination' | 'table' | 'tos' | 'metric' | 'type' | 'device' | 'gateway' | 'protocol'
>

/** Deletes the first route that matches, of the lowest metric; throws ESRCH if there is none. */
export function deleteRoute(state: KernelState, match: FakeRouteMatch): void {
  const protocol = match.protocol === undefined ? undefined : protocolNumber(match.protocol)
  for (const key of keysToSearch(state, match)) {
    const found = state.routes
      .get(key)
      ?.find(
        (held) =>
          (protocol === undefined || held.protocol === protocol) &&
          (match.type === undefined || held.type === match.type) &&
          (match.device === undefined || held.link?.name === match.device) &&
          (match.gateway === undefined || held.gateway === match.gateway),
      )
    if (found !== undefined) {
      removeRoute(state, key, found)
      return
    }
  }
  throw new FakeKernelError('ESRCH', `no such route to ${match.destination}`)
}

function keysToSearch(state: KernelState, match: FakeRouteMatch): readonly string[] {
  const { key, destination, table, tos } = keyOf(match)
  if (match.metric !== undefined) return [key]
  return state.routeIndex
    .to(destination)
    .filter((held) => held.table === table && held.tos === tos)
    .map((held) => keyOf(held).key)
}

/** Removes every route through a link: of one family, or of both. */
export function flushRoutes(state: KernelState, link: LinkState, family?: Family): void {
  for (const [key, held] of state.routes) {
    for (const one of held) {
      if (one.link === link && (family === undefined || one.network.family === family))
        removeRoute(state, key, one)
    }
  }
}

/** The route to the network of an address, which the kernel keeps while the link is up. */
export function addConnectedRoute(state: KernelState, link: LinkState, network: string): void {
  const asked = connectedRoute(link, network)
  if (asked === undefined || !link.up) return
  const held = state.routes.get(keyOf(asked).key) ?? []
  if (held.some((one) => isConnected(one, link))) return
  addRoute(state, asked, 'append')
}

export function removeConnectedRoute(state: KernelState, link: LinkState, network: string): void {
  const asked = connectedRoute(link, network)
  if (asked === undefined) return
  const { key } = keyOf(asked)
  const held = state.routes.get(key)?.find((one) => isConnected(one, link))
  if (held !== undefined) removeRoute(state, key, held)
}

/** None for a single IPv4 address: that goes to the table of local addresses, which is not modelled. */
function connectedRoute(link: LinkState, network: string): FakeRoute | undefined {
  const { family, length } = requireCidr(network)
  if (family === 4 && length === 32) return undefined
  const metric = family === 4 ? 0 : IP6_RT_PRIO_ADDRCONF
  return { destination: network, device: link.name, metric, protocol: 'kernel' }
}

const isConnected = (held: RouteState, link: LinkState): boolean =>
  held.link === link && held.protocol === ROUTE_PROTOCOLS.kernel && held.gateway === undefined

function removeRoute(state: KernelState, key: string, removed: RouteState): void {
  const left = (state.routes.get(key) ?? []).filter((held) => held !== removed)
  if (left.length === 0) state.routes.delete(key)
  else state.routes.set(key, left)
  state.routeIndex.delete(removed)
  state.onChange({ verb: 'removed', kind: 'route', link: removed.link, route: removed })
}

function keyOf(asked: Pick<FakeRoute, 'destination' | 'table' | 'tos' | 'metric'>) {
  const { destination, table, tos, metric } = asked
  return route({
    destination,
    ...(table === undefined ? {} : { table }),
    ...(tos === undefined ? {} : { tos }),
    ...(metric === undefined ? {} : { metric }),
  })
}

function makeRoute(state: KernelState, asked: FakeRoute): { key: string; made: RouteState } {
  const { key, destination, table, tos, metric } = keyOf(asked)
  const network = requireCidr(destination)
  const { type = 'unicast', gateway, onLink = false } = asked
  const link = type === 'blackhole' ? undefined : outgoingLink(state, asked)
  if (link !== undefined) {
    if (!link.up) throw new FakeKernelError('ENETDOWN', 'Nexthop device is not up.')
    if (network.family === 6) requireIpv6(link, 'ENODEV')
    if (gateway !== undefined) checkGateway(state.routeIndex, link, gateway, onLink, network.family)
  }
  const protocol = protocolNumber(asked.protocol ?? 'boot')
  return { key, made: { destination, network, table, tos, metric, type, link, gateway, onLink, protocol } }
}

function outgoingLink(state: KernelState, { device, gateway, destination }: FakeRoute): LinkState {
  if (device !== undefined) return state.requireLink(device)
  const link = gateway === undefined ? undefined : linkTowards(state.routeIndex, gateway)
  if (link !== undefined) return link
  throw new FakeKernelError('ENETUNREACH', `nothing says which way packets to ${destination} leave`)
}
