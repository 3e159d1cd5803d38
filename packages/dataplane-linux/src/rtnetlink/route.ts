import {
  type AttributeReader,
  type MessageReader,
  type MessageWriter,
  malformed,
  readAddress,
} from '../netlink/index.js'
import { AF_INET, AF_INET6, type RTM_DELROUTE, RTM_GETROUTE, type RTM_NEWROUTE } from './constants.js'

/**
 * `struct rtmsg`: family, destination and source length, TOS, table, protocol, scope, type, flags.
 * include/uapi/linux/rtnetlink.h, as all numbers of this file.
 */
const RTMSG_LENGTH = 12
/** `struct rtnexthop`: length, flags, hops, index. */
const RTNEXTHOP_LENGTH = 8

const RTA_DST = 1
const RTA_SRC = 2
const RTA_IIF = 3
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RTA_PREFSRC = 7
const RTA_MULTIPATH = 9
const RTA_TABLE = 15
const RTA_VIA = 18
const RTA_NH_ID = 30

export const RTN_UNSPEC = 0
export const RTN_UNICAST = 1
export const RTN_BLACKHOLE = 6

export const RT_SCOPE_UNIVERSE = 0
export const RT_SCOPE_LINK = 253
/** Of addresses that no other host can use, such as 127.0.0.1. */
export const RT_SCOPE_HOST = 254
export const RT_SCOPE_NOWHERE = 255

export const RT_TABLE_MAIN = 254
/** The host's own addresses. */
export const RT_TABLE_LOCAL = 255

export const RTPROT_UNSPEC = 0
/** What a route has whose writer names no protocol: flanneld, `ip route`. */
export const RTPROT_BOOT = 3

/** `struct rtmsg` flags: name the table of the route that is found, and show that route and not what it comes to. */
const RTM_F_LOOKUP_TABLE = 0x1000
const RTM_F_FIB_MATCH = 0x2000

/** The gateway is on the link, whatever its address. */
export const RTNH_F_ONLINK = 4

/** One path of a route. */
export interface RoutePath {
  /** Interface index; 0 if there is none. */
  readonly oif: number
  readonly gateway: string | undefined
  /** RTNH_F_* */
  readonly flags: number
}

export interface RouteMessage extends RoutePath {
  /** AF_INET or AF_INET6 */
  readonly family: number
  /** `base/length`; `0.0.0.0/0` or `::/0` for a default route. */
  readonly destination: string
  readonly tos: number
  readonly table: number
  /** RTPROT_* */
  readonly protocol: number
  readonly scope: number
  /** RTN_* */
  readonly type: number
  /** The metric. */
  readonly priority: number
  /** The source address it prefers. */
  readonly source: string | undefined
  /** The nexthop object that it leads through; 0 if it is held inline. */
  readonly nexthopId: number
  /** The paths of a route that has more than one. */
  readonly paths: readonly RoutePath[]
}

export interface RouteRequest {
  /** `base/length` */
  readonly destination: string
  readonly tos?: number | undefined
  readonly table: number
  readonly protocol: number
  readonly scope?: number | undefined
  readonly type?: number | undefined
  readonly priority?: number | undefined
  readonly gateway?: string | undefined
  readonly oif?: number | undefined
  readonly onLink?: boolean | undefined
  /** A nexthop object, in place of `gateway`, `oif` and `onLink`. */
  readonly nexthopId?: number | undefined
}

/**
 * RTM_NEWROUTE or RTM_DELROUTE. To the kernel an IPv4 route is its destination, TOS, priority and table, and to a
 * deletion each of the other fields that is not 0 narrows down which one is meant.
 */
export function writeRoute(
  writer: MessageWriter,
  messageType: typeof RTM_NEWROUTE | typeof RTM_DELROUTE,
  flags: number,
  sequence: number,
  route: RouteRequest,
): void {
  const { destination } = route
  const slash = destination.indexOf('/')
  if (slash < 0) throw new TypeError(`'${destination}' is not a CIDR`)
  const length = Number(destination.slice(slash + 1))
  const family = destination.includes(':') ? AF_INET6 : AF_INET
  writer.begin(messageType, flags, sequence)
  writer.u8(family)
  writer.u8(length)
  writer.u8(0)
  writer.u8(route.tos ?? 0)
  writer.u8(route.table < 256 ? route.table : 0)
  writer.u8(route.protocol)
  writer.u8(route.scope ?? RT_SCOPE_UNIVERSE)
  writer.u8(route.type ?? RTN_UNICAST)
  writer.u32(route.onLink === true ? RTNH_F_ONLINK : 0)
  if (length > 0) writer.attributeAddress(RTA_DST, destination.slice(0, slash))
  if (route.table > 255) writer.attributeU32(RTA_TABLE, route.table)
  if (route.priority !== undefined && route.priority !== 0) writer.attributeU32(RTA_PRIORITY, route.priority)
  if (route.nexthopId !== undefined && route.nexthopId !== 0) writer.attributeU32(RTA_NH_ID, route.nexthopId)
  if (route.gateway !== undefined) writeGateway(writer, family, route.gateway)
  if (route.oif !== undefined && route.oif !== 0) writer.attributeU32(RTA_OIF, route.oif)
  writer.end()
}

function writeGateway(writer: MessageWriter, family: number, gateway: string): void {
  if (gateway.includes(':') === (family === AF_INET6)) writer.attributeAddress(RTA_GATEWAY, gateway)
  // RFC 5549: an IPv6 gateway of an IPv4 route.
  else writer.attributeVia(RTA_VIA, AF_INET6, gateway)
}

/** RTM_GETROUTE with NLM_F_DUMP; the kernel leaves out what does not match (NETLINK_GET_STRICT_CHK). */
export function writeGetRoutes(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  filter: {
    readonly family: number
    readonly table?: number | undefined
    readonly protocol?: number | undefined
    readonly oif?: number | undefined
  },
): void {
  writer.begin(RTM_GETROUTE, flags, sequence)
  writer.u32(filter.family)
  writer.u8(0)
  writer.u8(filter.protocol ?? 0)
  writer.u8(0)
  writer.u8(0)
  writer.u32(0)
  if (filter.table !== undefined) writer.attributeU32(RTA_TABLE, filter.table)
  if (filter.oif !== undefined) writer.attributeU32(RTA_OIF, filter.oif)
  writer.end()
}

/**
 * RTM_GETROUTE without NLM_F_DUMP: what a packet to `address` would meet, by all policy rules.
 *
 * @param isMatch whether the answer is the route itself, of whole paths, rather than what it comes to for this packet
 * @param origin whom the packet is from: an address of this host, or any other, with the index of the link that it comes in by
 */
export function writeLookUpRoute(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  address: string,
  isMatch = false,
  origin: { readonly source?: string | undefined; readonly input?: number | undefined } = {},
): void {
  const { source, input } = origin
  const isIPv6 = address.includes(':')
  const length = isIPv6 ? 128 : 32
  writer.begin(RTM_GETROUTE, flags, sequence)
  writer.u8(isIPv6 ? AF_INET6 : AF_INET)
  writer.u8(length)
  writer.u8(source === undefined ? 0 : length)
  writer.u8(0)
  writer.u32(0)
  // IPv6 names the table unasked, and refuses to be asked.
  const match = isIPv6 ? RTM_F_FIB_MATCH : RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH
  writer.u32(isMatch ? match : 0)
  writer.attributeAddress(RTA_DST, address)
  if (source !== undefined) writer.attributeAddress(RTA_SRC, source)
  if (input !== undefined) writer.attributeU32(RTA_IIF, input)
  writer.end()
}

/** Reads RTM_NEWROUTE or RTM_DELROUTE; undefined for a family that is neither IPv4 nor IPv6. */
export function readRoute(message: MessageReader): RouteMessage | undefined {
  const attributes = message.attributesAfter(RTMSG_LENGTH)
  const { buffer, start } = message
  const family = buffer.readUInt8(start)
  if (family !== AF_INET && family !== AF_INET6) return undefined
  let base = family === AF_INET ? '0.0.0.0' : '::'
  let table = buffer.readUInt8(start + 4)
  let priority = 0
  let source: string | undefined
  let nexthopId = 0
  let oif = 0
  let gateway: string | undefined
  let paths: RoutePath[] = []
  while (attributes.next()) {
    switch (attributes.type) {
      case RTA_DST:
        base = attributes.address()
        break
      case RTA_OIF:
        oif = attributes.u32()
        break
      case RTA_GATEWAY:
        gateway = attributes.address()
        break
      case RTA_VIA:
        gateway = readVia(attributes)
        break
      case RTA_PRIORITY:
        priority = attributes.u32()
        break
      case RTA_PREFSRC:
        source = attributes.address()
        break
      case RTA_TABLE:
        table = attributes.u32()
        break
      case RTA_NH_ID:
        nexthopId = attributes.u32()
        break
      case RTA_MULTIPATH:
        paths = readPaths(attributes)
        break
    }
  }
  return {
    family,
    destination: `${base}/${buffer.readUInt8(start + 1)}`,
    tos: buffer.readUInt8(start + 3),
    table,
    protocol: buffer.readUInt8(start + 5),
    scope: buffer.readUInt8(start + 6),
    type: buffer.readUInt8(start + 7),
    flags: buffer.readUInt32LE(start + 8),
    priority,
    source,
    nexthopId,
    oif,
    gateway,
    paths,
  }
}

/** The protocol (RTPROT_*) of a route, without reading the rest. 0 for a message that is too short to be one. */
export function routeProtocolOf({ buffer, start, end }: MessageReader): number {
  return end - start < RTMSG_LENGTH ? RTPROT_UNSPEC : buffer.readUInt8(start + 5)
}

/** `struct rtvia`: a family, then an address of it. */
function readVia(attribute: AttributeReader): string {
  const length = attribute.length - 2
  if (length !== 4 && length !== 16) throw malformed(`a gateway of ${length} bytes`)
  return readAddress(attribute.buffer, attribute.start + 2, length)
}

function readPaths(attribute: AttributeReader): RoutePath[] {
  const { buffer } = attribute
  const end = attribute.start + attribute.length
  const paths: RoutePath[] = []
  for (let at = attribute.start; at < end; ) {
    const length = end - at >= RTNEXTHOP_LENGTH ? buffer.readUInt16LE(at) : 0
    if (length < RTNEXTHOP_LENGTH || length > end - at) throw malformed(`a path of ${length} bytes`)
    let gateway: string | undefined
    const attributes = attribute.within(at + RTNEXTHOP_LENGTH, at + length)
    while (attributes.next()) {
      if (attributes.type === RTA_GATEWAY) gateway = attributes.address()
      else if (attributes.type === RTA_VIA) gateway = readVia(attributes)
    }
    paths.push({ oif: buffer.readInt32LE(at + 4), gateway, flags: buffer.readUInt8(at + 2) })
    at += (length + 3) & ~3
  }
  return paths
}
