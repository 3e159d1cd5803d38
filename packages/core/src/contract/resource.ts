import { canonicalCidr } from '../net/cidr.js'
import { canonicalAddress, familyOf } from '../net/ip.js'
import { canonicalMac, isMulticastMac } from '../net/mac.js'

/**
 * What a lease calls for and a driver holds: plain data. `key` is what the holder itself identifies it by, so two
 * resources of one key cannot both be held. The functions below (`link`, `address`, …) make resources in
 * canonical form, so that equality is equality of fields; make them by no other way.
 *
 * Drivers of other things bring kinds of their own (`wireguard-peer`, `ruleset`), as plain data with a kind and a key.
 */
export interface Resource {
  /** Which sort of thing it is, such as `route`. It decides the driver. */
  readonly kind: string
  /**
   * What its holder identifies it by, with its kind in it, such as `link flannel.1`. Made by one function for each
   * kind and parsed nowhere.
   */
  readonly key: string
}

/**
 * What a link has besides the fields that every link has. Its type says which settings exist and what they mean; the
 * core compares them one by one. Values are in canonical form; a setting that is absent is left to the kernel.
 */
export type LinkSettings = Readonly<Record<string, string | number | boolean | undefined>>

/** A network interface (RTM_NEWLINK). A field that is absent is left to the kernel, and never counts as different. */
export interface LinkResource extends Resource {
  readonly kind: 'link'
  /** At most 15 bytes (IFNAMSIZ - 1, include/uapi/linux/if.h). */
  readonly name: string
  /** IFLA_INFO_KIND, such as `vxlan`. */
  readonly type: string
  /** In bytes; left to the kernel if absent. */
  readonly mtu?: number | undefined
  /** Lower case, colons; left to the kernel if absent. */
  readonly macAddress?: string | undefined
  /** What its type has besides, such as `vni`. Absent: nothing of it is compared. */
  readonly settings?: LinkSettings | undefined
  /** Administratively up. */
  readonly up: boolean
  /** IFLA_IFALIAS: the mark by which a later run knows the link as ours. An overlay sets it. */
  readonly alias?: string | undefined
  /** net.ipv6.conf.<name>.accept_ra; left to the kernel if absent. */
  readonly acceptRouterAdvertisements?: boolean | undefined
}

/** An address of a link (RTM_NEWADDR). */
export interface AddressResource extends Resource {
  readonly kind: 'address'
  /** The name of the link that has it. */
  readonly link: string
  /** In canonical form, without its prefix length. */
  readonly address: string
  /** From 0 to 32, or to 128 for IPv6. */
  readonly prefixLength: number
}

/**
 * A route (RTM_NEWROUTE) by at most one link and gateway. Its key is what the kernel itself goes by: table,
 * destination, TOS and metric.
 */
export interface RouteResource extends Resource {
  readonly kind: 'route'
  /** CIDR, in canonical form. */
  readonly destination: string
  /** 254 is `main` (include/uapi/linux/rtnetlink.h, RT_TABLE_MAIN). */
  readonly table: number
  /** From 0 to 255 (rtm_tos); always 0 for IPv6. */
  readonly tos: number
  /** Priority; the kernel's default is 0 for IPv4, 1024 for IPv6 (IP6_RT_PRIO_USER). */
  readonly metric: number
  /** `blackhole` drops what it matches, without an answer. */
  readonly type: 'unicast' | 'blackhole'
  /** The link packets leave by; absent for a blackhole. */
  readonly device?: string | undefined
  /** In canonical form; absent if the destination is on the link itself. */
  readonly gateway?: string | undefined
  /** The gateway is taken to be on the link, whatever its address (RTNH_F_ONLINK). */
  readonly onLink: boolean
}

/** A permanent neighbour entry (NUD_PERMANENT). */
export interface NeighbourResource extends Resource {
  readonly kind: 'neighbour'
  /** The name of the link that the neighbour is on. */
  readonly link: string
  /** The neighbour's IP address, in canonical form. */
  readonly address: string
  /** In lower case with colons. */
  readonly macAddress: string
}

/** A permanent entry in a VXLAN link's fdb (NTF_SELF, NUD_PERMANENT). */
export interface FdbResource extends Resource {
  readonly kind: 'fdb'
  /** The name of the VXLAN link. */
  readonly link: string
  /** Of the VTEP behind it, in lower case with colons; all zero for what no other entry matches. */
  readonly macAddress: string
  /** The remote VTEP's underlay address. */
  readonly destination: string
}

/** Whether a resource is a route. */
export const isRoute = (resource: Resource): resource is RouteResource => resource.kind === 'route'

/** What the driver of a kernel's network state holds: the five kinds that `driverSuite` proves. */
export type KernelResource = LinkResource | AddressResource | RouteResource | NeighbourResource | FdbResource

/** The routing table `main` (include/uapi/linux/rtnetlink.h). */
export const RT_TABLE_MAIN = 254
const IP6_RT_PRIO_USER = 1024

/** The key of the link of this name. */
export const linkKey = (name: string): string => `link ${name}`

/** The key of an address of this link. `address` is in canonical form. */
export const addressKey = (link: string, address: string, prefixLength: number): string =>
  `address ${link} ${address}/${prefixLength}`

/** The key of a route whose destination is in canonical form. */
export const routeKey = ({
  table,
  destination,
  tos,
  metric,
}: Pick<RouteResource, 'table' | 'destination' | 'tos' | 'metric'>): string =>
  `route ${table} ${destination} ${tos} ${metric}`

/** The key of this link's neighbour entry for an address in canonical form. */
export const neighbourKey = (link: string, address: string): string => `neighbour ${link} ${address}`

/**
 * A VXLAN link holds one destination for a unicast MAC, and any number for a multicast or the all-zero one
 * (drivers/net/vxlan/vxlan_core.c: only those may be appended to); the key follows it.
 */
export const fdbKey = (link: string, macAddress: string, destination: string): string =>
  `fdb ${link} ${macAddress}${hasManyDestinations(macAddress) ? ` ${destination}` : ''}`

/** Whether an fdb can have several destinations for this MAC. */
export const hasManyDestinations = (macAddress: string): boolean =>
  macAddress === '00:00:00:00:00:00' || isMulticastMac(macAddress)

/**
 * Makes a link in canonical form, with its undefined fields left out. `up` is true unless it is given. Throws a
 * TypeError for what is no MAC.
 */
export function link(
  fields: Omit<LinkResource, 'kind' | 'key' | 'up'> & { readonly up?: boolean },
): LinkResource {
  const { name, macAddress, settings } = fields
  return withoutUndefined({
    kind: 'link',
    key: linkKey(name),
    ...fields,
    up: fields.up ?? true,
    macAddress: macAddress === undefined ? undefined : canonicalMac(macAddress),
    settings: settings === undefined ? undefined : withoutUndefined(settings),
  })
}

/** A field that is there counts in a comparison, even if it is undefined; so what is left open is left out. */
function withoutUndefined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}

/** Makes an address in canonical form. Throws a TypeError for what is no IP address. */
export function address(fields: Omit<AddressResource, 'kind' | 'key'>): AddressResource {
  const ip = canonicalAddress(fields.address)
  return {
    kind: 'address',
    key: addressKey(fields.link, ip, fields.prefixLength),
    link: fields.link,
    address: ip,
    prefixLength: fields.prefixLength,
  }
}

/** What a route is made of: a destination (CIDR), and what is not as `route` has it by default. */
export type RouteFields = Pick<RouteResource, 'destination'> &
  Partial<Pick<RouteResource, 'table' | 'tos' | 'metric' | 'type' | 'device' | 'gateway' | 'onLink'>>

/**
 * Makes a route in canonical form. Defaults: `unicast`, in the table `main`, TOS 0, no gateway, and the metric that
 * the kernel itself takes: 0 for IPv4, 1024 for IPv6 (IP6_RT_PRIO_USER, include/uapi/linux/ipv6_route.h). Throws a
 * TypeError for what is no CIDR or no address.
 */
export function route(fields: RouteFields): RouteResource {
  const destination = canonicalCidr(fields.destination)
  const table = fields.table ?? RT_TABLE_MAIN
  const tos = fields.tos ?? 0
  const metric = fields.metric ?? (familyOf(destination) === 4 ? 0 : IP6_RT_PRIO_USER)
  return {
    kind: 'route',
    key: routeKey({ table, destination, tos, metric }),
    destination,
    table,
    tos,
    metric,
    type: fields.type ?? 'unicast',
    device: fields.device,
    gateway: fields.gateway === undefined ? undefined : canonicalAddress(fields.gateway),
    onLink: fields.onLink ?? false,
  }
}

/** Makes a neighbour entry in canonical form. Throws a TypeError for what is no IP address or no MAC. */
export function neighbour(fields: Omit<NeighbourResource, 'kind' | 'key'>): NeighbourResource {
  const ip = canonicalAddress(fields.address)
  return {
    kind: 'neighbour',
    key: neighbourKey(fields.link, ip),
    link: fields.link,
    address: ip,
    macAddress: canonicalMac(fields.macAddress),
  }
}

/** Makes an fdb entry in canonical form. Throws a TypeError for what is no MAC or no IP address. */
export function fdb(fields: Omit<FdbResource, 'kind' | 'key'>): FdbResource {
  const macAddress = canonicalMac(fields.macAddress)
  const destination = canonicalAddress(fields.destination)
  return {
    kind: 'fdb',
    key: fdbKey(fields.link, macAddress, destination),
    link: fields.link,
    macAddress,
    destination,
  }
}

/**
 * Whether every field that `desired` has, holds its value in `actual` too (`undefined` included: a route without a
 * gateway). A field that `desired` does not have is left to the holder.
 */
export function satisfies(actual: Resource, desired: Resource): boolean {
  return actual === desired || fieldsMatch(actual, desired)
}

function fieldsMatch(actual: object, desired: object): boolean {
  for (const name of Object.keys(desired)) {
    if (!valuesMatch(Reflect.get(actual, name), Reflect.get(desired, name))) return false
  }
  return true
}

function valuesMatch(actual: unknown, desired: unknown): boolean {
  if (Array.isArray(desired)) {
    return (
      Array.isArray(actual) &&
      actual.length === desired.length &&
      desired.every((item, index) => valuesMatch(actual[index], item))
    )
  }
  if (typeof desired === 'object' && desired !== null) {
    return typeof actual === 'object' && actual !== null && fieldsMatch(actual, desired)
  }
  return actual === desired
}

/** What it takes to turn an existing link into the desired one. */
export type LinkChange = 'none' | 'change' | 'recreate'

/**
 * MTU, MAC, alias, up or down and sysctls change in place. The type of a link does not, nor do its settings except
 * those in `changeable`, which depend on the type: the kernel refuses or ignores the change of any other, so the link
 * is recreated.
 */
export function linkChange(
  actual: LinkResource,
  desired: LinkResource,
  changeable: readonly string[] = [],
): LinkChange {
  if (satisfies(actual, desired)) return 'none'
  if (actual.type !== desired.type) return 'recreate'
  const { settings = {} } = actual
  for (const [name, value] of Object.entries(desired.settings ?? {})) {
    if (settings[name] !== value && !changeable.includes(name)) return 'recreate'
  }
  return 'change'
}

/** Whether two desired resources ask for the same. */
export function sameResource(a: Resource, b: Resource): boolean {
  return satisfies(a, b) && satisfies(b, a)
}
