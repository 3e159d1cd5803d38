import type { Operation } from '@selvedge/core'
import {
  type AddressResource,
  type FdbResource,
  familyOf,
  type NeighbourResource,
  type RouteResource,
} from '@selvedge/core/kit'
import type { Nexthop } from '../cache/nexthop-table.js'
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  IFA_F_NODAD,
  type MessageWriter,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
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
} from '../netlink/index.js'

/*
 * From resources to messages. All of it runs once for each of tens of thousands of entries, so nothing is kept and
 * nothing is made that outlives a call.
 */

const PUT = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE

/** @param index of the link that the entry is on */
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
      writeForwarding(writer, sequence, type, resource, index)
  }
}

function writeAddress(
  writer: MessageWriter,
  sequence: number,
  type: 'put' | 'delete',
  { address: local, prefixLength }: AddressResource,
  index: number,
): void {
  // Duplicate address detection would keep an IPv6 address from being used for a second, on a link without peers
  // that could answer.
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

/** A multicast or the all-zero MAC leads to many destinations, and is appended to; any other to one. */
export const leadsToMany = (macAddress: string): boolean =>
  (Number.parseInt(macAddress.slice(0, 2), 16) & 1) === 1 || macAddress === '00:00:00:00:00:00'

function writeForwarding(
  writer: MessageWriter,
  sequence: number,
  type: 'put' | 'delete',
  { macAddress, destination }: FdbResource,
  index: number,
): void {
  const many = leadsToMany(macAddress)
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
  // Without a destination the kernel deletes what there is; with another than there is, nothing, without a word.
  const which = many ? destination : undefined
  writeNeighbour(writer, RTM_DELNEIGH, NLM_F_REQUEST, sequence, {
    family: AF_BRIDGE,
    index,
    destination: which,
    macAddress,
  })
}

export interface RouteHow {
  /** RTPROT_* */
  readonly protocol: number
  /** Interface index; 0 for a blackhole. */
  readonly oif: number
  /** 0 to hold it inline. */
  readonly nexthopId: number
  /** Take the place of what there is, instead of failing with EEXIST. */
  readonly replace: boolean
}

export function writePutRoute(
  writer: MessageWriter,
  sequence: number,
  { destination, table, tos, metric: priority, gateway, onLink, type }: RouteResource,
  { protocol, oif, nexthopId, replace }: RouteHow,
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
    // As `ip route` does: what has no gateway is on the link.
    scope: isInline && gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
    gateway: isInline ? gateway : undefined,
    oif: isInline ? oif : 0,
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
 * @param known it is ours already: write it again, should it have gone with its link; otherwise fail with EEXIST where
 * somebody has this id
 */
export function writeNexthop(
  writer: MessageWriter,
  sequence: number,
  { id, oif, gateway, onLink }: Nexthop,
  protocol: number,
  known: boolean,
): void {
  const flags = NLM_F_REQUEST | NLM_F_CREATE | (known ? NLM_F_REPLACE : NLM_F_EXCL)
  writeNewNexthop(writer, flags, sequence, { id, protocol, oif, gateway, onLink })
}
