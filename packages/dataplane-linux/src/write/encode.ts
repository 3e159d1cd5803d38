import type { Operation } from '@selvedge/core'
import {
  type AddressResource,
  type FdbResource,
  familyOf,
  hasManyDestinations,
  type NeighbourResource,
  type RouteResource,
} from '@selvedge/core/kit'
import type { Nexthop } from '../cache/nexthop-table.js'
import {
  type MessageWriter,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
} from '../netlink/index.js'
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  IFA_F_NODAD,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RTM_DELADDR,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTN_BLACKHOLE,
  RTN_UNICAST,
  RTN_UNSPEC,
  writeAddressMessage,
  writeNeighbour,
  writeNewNexthop,
  writeRoute,
} from '../rtnetlink/index.js'

/*
 * From resources to messages. All of this runs for each of tens of thousands of entries, so nothing that it allocates
 * outlives a call.
 */

const PUT = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE

/** @param index index of the link that the entry is on */
export function writeEntry(
  writer: MessageWriter,
  sequence: number,
  { type, resource }: Operation<AddressResource | NeighbourResource | FdbResource>,
  index: number,
): void {
  switch (resource.kind) {
    case 'address':
      writeAddress(writer, sequence, type, resource, index)
      break
    case 'neighbour':
      writeNeighbourEntry(writer, sequence, type, resource, index)
      break
    case 'fdb':
      writeFdbEntry(writer, sequence, type, resource, index)
  }
}

function writeAddress(
  writer: MessageWriter,
  sequence: number,
  type: 'put' | 'delete',
  { address: local, prefixLength }: AddressResource,
  index: number,
): void {
  // Duplicate address detection would make an IPv6 address unusable for a second, on a link where no peer can answer.
  const flags = type === 'put' && familyOf(local) === 6 ? IFA_F_NODAD : undefined
  const request = { index, local, prefixLength, flags }
  if (type === 'put') writeAddressMessage(writer, RTM_NEWADDR, PUT, sequence, request)
  else writeAddressMessage(writer, RTM_DELADDR, NLM_F_REQUEST, sequence, request)
}

function writeNeighbourEntry(
  writer: MessageWriter,
  sequence: number,
  type: 'put' | 'delete',
  { address: destination, macAddress }: NeighbourResource,
  index: number,
): void {
  const family = familyOf(destination) === 4 ? AF_INET : AF_INET6
  const request = { family, index, destination, macAddress: type === 'put' ? macAddress : undefined } as const
  if (type === 'put') writeNeighbour(writer, RTM_NEWNEIGH, PUT, sequence, request)
  else writeNeighbour(writer, RTM_DELNEIGH, NLM_F_REQUEST, sequence, request)
}

function writeFdbEntry(
  writer: MessageWriter,
  sequence: number,
  type: 'put' | 'delete',
  { macAddress, destination }: FdbResource,
  index: number,
): void {
  const many = hasManyDestinations(macAddress)
  if (type === 'put') {
    const flags = many ? NLM_F_REQUEST | NLM_F_CREATE | NLM_F_APPEND : PUT
    writeNeighbour(writer, RTM_NEWNEIGH, flags, sequence, {
      family: AF_BRIDGE,
      index,
      destination,
      macAddress,
    })
    return
  }
  // Without a destination the kernel deletes the entry; with a wrong one it silently deletes nothing.
  const which = many ? destination : undefined
  writeNeighbour(writer, RTM_DELNEIGH, NLM_F_REQUEST, sequence, {
    family: AF_BRIDGE,
    index,
    destination: which,
    macAddress,
  })
}

export interface PutRouteOptions {
  /** RTPROT_* */
  readonly protocol: number
  /** Index of the link that it leads through; 0 for a blackhole. */
  readonly linkIndex: number
  /** 0 for an inline route. */
  readonly nexthopId: number
  /** Replace an existing route instead of failing with EEXIST. */
  readonly replace: boolean
}

export function writePutRoute(
  writer: MessageWriter,
  sequence: number,
  { destination, table, tos, metric: priority, gateway, onLink, type }: RouteResource,
  { protocol, linkIndex, nexthopId, replace }: PutRouteOptions,
): void {
  const flags = NLM_F_REQUEST | NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL)
  const isInline = type === 'unicast' && nexthopId === 0
  writeRoute(writer, RTM_NEWROUTE, flags, sequence, {
    destination,
    table,
    tos,
    priority,
    protocol,
    type: type === 'blackhole' ? RTN_BLACKHOLE : RTN_UNICAST,
    // As `ip route` does: without a gateway the destination is on the link.
    scope: isInline && gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
    gateway: isInline ? gateway : undefined,
    oif: isInline ? linkIndex : 0,
    onLink: isInline && onLink,
    nexthopId,
  })
}

/** Deletes the route of this key and protocol, wherever it leads. */
export function writeDeleteRoute(
  writer: MessageWriter,
  sequence: number,
  { destination, table, tos, metric: priority }: RouteResource,
  protocol: number,
): void {
  writeRoute(writer, RTM_DELROUTE, NLM_F_REQUEST, sequence, {
    destination,
    table,
    tos,
    priority,
    protocol,
    type: RTN_UNSPEC,
    scope: RT_SCOPE_NOWHERE,
    gateway: undefined,
    oif: 0,
    onLink: false,
    nexthopId: 0,
  })
}

/**
 * @param isKnown it is ours already: write it again in case it went with its link. Otherwise fail with EEXIST if
 * another program uses this id
 */
export function writeNexthop(
  writer: MessageWriter,
  sequence: number,
  { id, oif, gateway, onLink }: Nexthop,
  protocol: number,
  isKnown: boolean,
): void {
  const flags = NLM_F_REQUEST | NLM_F_CREATE | (isKnown ? NLM_F_REPLACE : NLM_F_EXCL)
  writeNewNexthop(writer, flags, sequence, { id, protocol, oif, gateway, onLink })
}
