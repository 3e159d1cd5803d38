import type { AbortOptions } from '@selvedge/core'
import type { LinkSettings } from '@selvedge/core/kit'
import { type NetlinkConnection, NetlinkError } from '../netlink/index.js'
import { decodeSettings, LinkTable } from '../read/link-table.js'
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  IFF_LOWER_UP,
  IFF_UP,
  type LinkMessage,
  NTF_SELF,
  type RouteMessage,
  RTNH_F_ONLINK,
  readNeighbour,
  readNexthop,
  readRoute,
  writeGetNeighbours,
  writeGetNexthops,
  writeLookUpRoute,
} from '../rtnetlink/index.js'
import { KNOWN_TYPES } from './kernel-view.js'
import { protocolName } from './protocol-names.js'

/** Whom a packet is from. */
export interface PacketOrigin {
  /** An address of this host; or of a pod, together with `input`. */
  readonly source?: string | undefined
  /** The name of the link that it comes in by; undefined for one that this host sends. */
  readonly input?: string | undefined
}

/** The route that a packet meets, by all policy rules and tables, as the kernel answers. */
export interface RouteAnswer {
  /** `unicast`, `local`, `blackhole`, …; undefined if there is no route. */
  readonly type?: string | undefined
  /** The error that the packet meets, such as `ENETUNREACH`. */
  readonly error?: string | undefined
  /** CIDR. */
  readonly destination?: string | undefined
  /** Its routing table; 254 is `main`. */
  readonly table?: number | undefined
  /** Who made it, by the name of rtm_protocol, such as `kernel` or `boot`. */
  readonly protocol?: string | undefined
  /** The name of the link that the packet leaves by. */
  readonly device?: string | undefined
  /** The router's address; undefined if there is none. */
  readonly gateway?: string | undefined
  /** Whether the gateway counts as being on the link, whatever its address (RTNH_F_ONLINK). */
  readonly onLink?: boolean | undefined
  /** The address that it sends from, if the route says. */
  readonly source?: string | undefined
  /** Whether it has several paths, of which the first is named. */
  readonly isMultipath?: boolean | undefined
}

/** An entry of the neighbour table, of whatever state. */
export interface NeighbourAnswer {
  /** In lower case with colons; undefined while it is not known. */
  readonly macAddress?: string | undefined
  /** As `ip neighbour` prints it: `permanent`, `reachable`, `stale`, `failed`, … */
  readonly state: string
}

/** A link, as the kernel has it. */
export interface LinkAnswer {
  /** As it was asked for. */
  readonly name: string
  /** Such as `vxlan`; undefined for hardware. */
  readonly type?: string | undefined
  /** In bytes. */
  readonly mtu: number
  /** Administratively up (IFF_UP). */
  readonly up: boolean
  /** Whether it can send: a wire is plugged in; of a TUN device, a process holds it. */
  readonly carrier: boolean
  /** Of the types that the driver knows, such as the ends of a tunnel. */
  readonly settings?: LinkSettings | undefined
}

/** RTN_* of include/uapi/linux/rtnetlink.h, in their order. */
const ROUTE_TYPES =
  'unspec unicast local broadcast anycast multicast blackhole unreachable prohibit throw nat'.split(' ')

/** NUD_* of include/uapi/linux/neighbour.h, by bit. */
const STATES = 'incomplete reachable stale delay probe failed noarp permanent'.split(' ')

/** Asks the kernel for the route that it has for a packet (RTM_GETROUTE with RTM_F_FIB_MATCH). */
export async function lookUpRoute(
  connection: NetlinkConnection,
  address: string,
  { source, input }: PacketOrigin,
  options: AbortOptions,
): Promise<RouteAnswer> {
  const links = await LinkTable.read(connection, options)
  const index = input === undefined ? undefined : links.byName(input)?.index
  let found: readonly RouteMessage[]
  try {
    found = await connection.request(
      `looking up the route to ${address}`,
      (writer, flags, sequence) =>
        writeLookUpRoute(writer, flags, sequence, address, true, { source, input: index }),
      readRoute,
      options,
    )
  } catch (error) {
    // A route that leads nowhere is an error number alone.
    if (error instanceof NetlinkError && error.errno !== undefined && error.kernelText === undefined) {
      return { error: error.errno }
    }
    throw error
  }
  const [route] = found
  if (route === undefined) return { error: 'ENETUNREACH' }
  const path = (await nexthopOf(connection, route, options)) ?? route.paths[0] ?? route
  return {
    type: ROUTE_TYPES[route.type] ?? String(route.type),
    destination: route.destination,
    table: route.table,
    protocol: protocolName(route.protocol),
    device: links.nameOf(path.oif),
    gateway: path.gateway,
    onLink: (path.flags & RTNH_F_ONLINK) !== 0,
    source: route.source,
    isMultipath: route.paths.length > 1,
  }
}

async function nexthopOf(connection: NetlinkConnection, { nexthopId }: RouteMessage, options: AbortOptions) {
  if (nexthopId === 0) return undefined
  const nexthops = await connection.dump('reading nexthops', writeGetNexthops, readNexthop, options)
  return nexthops.find(({ id }) => id === nexthopId)
}

/** The entry of the neighbour table, of whatever state; undefined if there is none. */
export async function lookUpNeighbour(
  connection: NetlinkConnection,
  link: string,
  address: string,
  options: AbortOptions,
): Promise<NeighbourAnswer | undefined> {
  const index = (await findLink(connection, link, options))?.index
  if (index === undefined) return undefined
  const family = address.includes(':') ? AF_INET6 : AF_INET
  const [entry] = await connection.dump(
    `reading neighbours on ${link}`,
    (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, { family, index }),
    (message) => {
      const each = readNeighbour(message)
      return each?.index === index && each.family === family && each.destination === address
        ? each
        : undefined
    },
    options,
  )
  if (entry === undefined) return undefined
  const state = STATES.find((_, bit) => (entry.state & (1 << bit)) !== 0) ?? 'none'
  return { macAddress: entry.macAddress, state }
}

/** Where the fdb of a VXLAN link sends frames for this MAC: the addresses of VTEPs. */
export async function lookUpFdb(
  connection: NetlinkConnection,
  link: string,
  macAddress: string,
  options: AbortOptions,
): Promise<readonly string[]> {
  const index = (await findLink(connection, link, options))?.index
  if (index === undefined) return []
  return connection.dump(
    `reading the fdb of ${link}`,
    (writer, flags, sequence) => writeGetNeighbours(writer, flags, sequence, { family: AF_BRIDGE, index }),
    (message) => {
      const each = readNeighbour(message)
      if (each?.index !== index || each.family !== AF_BRIDGE || each.macAddress !== macAddress)
        return undefined
      return (each.flags & NTF_SELF) === 0 ? undefined : each.destination
    },
    options,
  )
}

export async function lookUpLink(
  connection: NetlinkConnection,
  name: string,
  options: AbortOptions,
): Promise<LinkAnswer | undefined> {
  const links = await LinkTable.read(connection, options)
  const link = links.byName(name)
  return (
    link && {
      name,
      type: link.kind,
      mtu: link.mtu,
      up: (link.flags & IFF_UP) !== 0,
      carrier: (link.flags & IFF_LOWER_UP) !== 0,
      settings: decodeSettings(link, links, KNOWN_TYPES),
    }
  )
}

const findLink = async (
  connection: NetlinkConnection,
  name: string,
  options: AbortOptions,
): Promise<LinkMessage | undefined> => (await LinkTable.read(connection, options)).byName(name)
