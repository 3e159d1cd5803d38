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
  readonly kind: string
  readonly key: string
}

/**
 * What a link has besides the fields that every link has. Its type says which settings exist and what they mean; the
 * core compares them one by one. Values are in canonical form; a setting that is absent is left to the kernel.
 */
export type LinkSettings = Readonly<Record<string, string | number | boolean | undefined>>

export interface LinkResource extends Resource {
  readonly kind: 'link'
  readonly name: string
  /** IFLA_INFO_KIND, such as `vxlan`. */
  readonly type: string
  /** In bytes; left to the kernel if absent. */
  readonly mtu?: number | undefined
  /** Lower case, colons; left to the kernel if absent. */
  readonly macAddress?: string | undefined
  readonly settings?: LinkSettings | undefined
  /** Administratively up. */
  readonly up: boolean
  /** IFLA_IFALIAS: the mark by which a later run knows the link as ours. An overlay sets it. */
  readonly alias?: string | undefined
  /** net.ipv6.conf.<name>.accept_ra; left to the kernel if absent. */
  readonly acceptRouterAdvertisements?: boolean | undefined
}

export interface AddressResource extends Resource {
  readonly kind: 'address'
  readonly link: string
  readonly address: string
  readonly prefixLength: number
}

export interface RouteResource extends Resource {
  readonly kind: 'route'
  readonly destination: string
  /** 254 is `main` (include/uapi/linux/rtnetlink.h, RT_TABLE_MAIN). */
  readonly table: number
  readonly tos: number
  /** Priority; the kernel's default is 0 for IPv4, 1024 for IPv6 (IP6_RT_PRIO_USER). */
  readonly metric: number
  readonly type: 'unicast' | 'blackhole'
  /** The link packets leave by; absent for a blackhole. */
  readonly device?: string | undefined
  readonly gateway?: string | undefined
  /** The gateway is taken to be on the link, whatever its address (RTNH_F_ONLINK). */
  readonly onLink: boolean
}

/** A permanent neighbour entry (NUD_PERMANENT). */
export interface NeighbourResource extends Resource {
  readonly kind: 'neighbour'
  readonly link: string
  readonly address: string
  readonly macAddress: string
}

/** A permanent entry in a VXLAN link's fdb (NTF_SELF, NUD_PERMANENT). */
export interface FdbResource extends Resource {
  readonly kind: 'fdb'
  readonly link: string
  readonly macAddress: string
  /** The remote VTEP's underlay address. */
  readonly destination: string
}

export const isRoute = (resource: Resource): resource is RouteResource => resource.kind === 'route'

export type KernelResource = LinkResource | AddressResource | RouteResource | NeighbourResource | FdbResource

export const RT_TABLE_MAIN = 254
const IP6_RT_PRIO_USER = 1024

export const linkKey = (name: string): string => `link ${name}`

export const addressKey = (link: string, address: string, prefixLength: number): string =>
  `address ${link} ${address}/${prefixLength}`

export const routeKey = ({
  table,
  destination,
  tos,
  metric,
}: Pick<RouteResource, 'table' | 'destination' | 'tos' | 'metric'>): string =>
  `route ${table} ${destination} ${tos} ${metric}`

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

export type RouteFields = Pick<RouteResource, 'destination'> &
  Partial<Pick<RouteResource, 'table' | 'tos' | 'metric' | 'type' | 'device' | 'gateway' | 'onLink'>>

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
