import type { AbortOptions } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import { Ownership } from '../cache/ownership.js'
import { collectLinkTypes } from '../link-types/index.js'
import type { NetlinkConnection } from '../netlink/index.js'
import { addressResource, fdbResource, neighbourResource, routeResource } from '../read/kernel-resources.js'
import { LinkTable, linkResource } from '../read/link-table.js'
import {
  type AddressMessage,
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  type LinkMessage,
  NTF_SELF,
  NUD_PERMANENT,
  type RouteMessage,
  RT_TABLE_LOCAL,
  RTN_BLACKHOLE,
  RTN_UNICAST,
  readAddressMessage,
  readNeighbour,
  readNexthop,
  readRoute,
  writeGetAddresses,
  writeGetNeighbours,
  writeGetNexthops,
  writeGetRoutes,
} from '../rtnetlink/index.js'
import { protocolName } from './protocol-names.js'

/** What of a kernel is looked at. */
export interface ViewedArea {
  /** CIDRs: routes into, out of or around these, and links with an address inside, are looked at. */
  readonly networks: readonly string[]
  /** The names of links that are looked at whatever their addresses, with all that is on them. */
  readonly links: readonly string[]
}

/** An entry of the kernel, whoever wrote it. */
export interface ViewedEntry {
  /** As the driver would list it if it were the overlay's. */
  readonly resource: KernelResource
  /** Of a route: the name of its protocol (rtm_protocol), such as `kernel`, `boot`, `bird`. */
  readonly protocol?: string | undefined
  /** Of a neighbour or fdb entry that is not permanent: the kernel learned it. */
  readonly learned?: boolean | undefined
}

/** No link types but the driver's own: what else is there is named by its type. */
export const KNOWN_TYPES = collectLinkTypes([])

/** Errors that mean that the kernel has no such table, or none of this family. */
const NONE = ['ENOENT', 'EOPNOTSUPP', 'EAFNOSUPPORT', 'EPROTONOSUPPORT']

/** Everything of the kernel's in an overlay's area: links, addresses, routes, permanent neighbours and the fdb. */
export async function readKernelView(
  connection: NetlinkConnection,
  area: ViewedArea,
  options: AbortOptions,
): Promise<readonly ViewedEntry[]> {
  const inside = new Ownership({ aliases: [], links: [], networks: area.networks }, 0)
  const links = await LinkTable.read(connection, options)
  const addresses = await connection.dump(
    'reading addresses',
    (writer, flags, sequence) => writeGetAddresses(writer, flags, sequence),
    readAddressMessage,
    options,
  )
  const isInside = ({ local, family }: AddressMessage): boolean =>
    inside.isInside(`${local}/${family === AF_INET ? 32 : 128}`)
  const bearing = new Set(addresses.filter(isInside).map(({ index }) => index))
  const named = links.links.filter(({ name }) => area.links.includes(name))
  const viewed = links.links.filter((link) => named.includes(link) || bearing.has(link.index))
  const entries: ViewedEntry[] = viewed.map((link) => ({
    resource: { ...linkResource(link, links, KNOWN_TYPES, false), acceptRouterAdvertisements: undefined },
  }))
  for (const { index, local, prefixLength } of addresses) {
    const link = viewed.find((each) => each.index === index)
    if (link !== undefined) entries.push({ resource: addressResource(link.name, local, prefixLength) })
  }
  for (const route of await readRoutes(connection, inside, links, named, options)) entries.push(route)
  for (const link of named) {
    for (const entry of await readNeighbours(connection, link, options)) entries.push(entry)
  }
  return entries
}

async function readRoutes(
  connection: NetlinkConnection,
  inside: Ownership,
  links: LinkTable,
  named: readonly LinkMessage[],
  options: AbortOptions,
): Promise<readonly ViewedEntry[]> {
  const nexthops = new Map(
    (
      await connection.dump('reading nexthops', writeGetNexthops, readNexthop, { ...options, absence: NONE })
    ).map((nexthop) => [nexthop.id, nexthop]),
  )
  const through = new Set(named.map(({ index }) => index))
  const isViewed = (route: RouteMessage): boolean => {
    const { table, type, destination } = route
    if (table === RT_TABLE_LOCAL || (type !== RTN_UNICAST && type !== RTN_BLACKHOLE)) return false
    if (through.has(nexthops.get(route.nexthopId)?.oif ?? route.oif)) return !destination.startsWith('ff00:')
    return inside.isInside(destination) || (!destination.endsWith('/0') && inside.isAround(destination))
  }
  const found: ViewedEntry[] = []
  for (const family of [AF_INET, AF_INET6]) {
    const routes = await connection.dump(
      'reading routes',
      (writer, flags, sequence) => writeGetRoutes(writer, flags, sequence, { family }),
      (message) => {
        const route = readRoute(message)
        return route?.family === family && isViewed(route) ? route : undefined
      },
      { ...options, absence: NONE },
    )
    for (const route of routes) {
      const resource = routeResource(route, nexthops.get(route.nexthopId), (index) => links.nameOf(index))
      found.push({ resource, protocol: protocolName(route.protocol) })
    }
  }
  return found
}

/** The permanent neighbours of a link, and all of its fdb. */
async function readNeighbours(
  connection: NetlinkConnection,
  { index, name }: LinkMessage,
  options: AbortOptions,
): Promise<readonly ViewedEntry[]> {
  const found: ViewedEntry[] = []
  for (const family of [AF_INET, AF_INET6, AF_BRIDGE] as const) {
    const entries = await connection.dump(
      `reading neighbours on ${name}`,
      (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, { family, index }),
      (message) => {
        const entry = readNeighbour(message)
        return entry?.index === index && entry.family === family ? entry : undefined
      },
      { ...options, absence: NONE },
    )
    for (const { state, flags, destination, macAddress } of entries) {
      if (destination === undefined || macAddress?.length !== 17) continue
      const learned = (state & NUD_PERMANENT) === 0
      if (family !== AF_BRIDGE) {
        if (!learned) found.push({ resource: neighbourResource(name, destination, macAddress) })
      } else if ((flags & NTF_SELF) !== 0) {
        found.push({ resource: fdbResource(name, macAddress, destination), learned })
      }
    }
  }
  return found
}
