import {
  type AddressResource,
  type FdbResource,
  familyOf,
  type NeighbourResource,
  type RouteResource,
} from '@selvedge/core'
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
  writeDeleteNexthop,
  writeNeighbour,
  writeNewNexthop,
  writeRoute,
} from './netlink/index.js'

/** Writes one message. */
export type WriteStep = (writer: MessageWriter, sequence: number) => void

const PUT = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE

export function putAddress({ address, prefixLength }: AddressResource, index: number): WriteStep {
  // Duplicate address detection would keep an IPv6 address from being used for a second, on a link without peers
  // that could answer.
  const flags = familyOf(address) === 6 ? IFA_F_NODAD : undefined
  return (writer, sequence) =>
    writeAddressMessage(writer, RTM_NEWADDR, PUT, sequence, { index, local: address, prefixLength, flags })
}

export function deleteAddress({ address, prefixLength }: AddressResource, index: number): WriteStep {
  return (writer, sequence) =>
    writeAddressMessage(writer, RTM_DELADDR, NLM_F_REQUEST, sequence, { index, local: address, prefixLength })
}

export function putNeighbour({ address, macAddress }: NeighbourResource, index: number): WriteStep {
  const family = familyOf(address) === 4 ? AF_INET : AF_INET6
  return (writer, sequence) =>
    writeNeighbour(writer, RTM_NEWNEIGH, PUT, sequence, { family, index, destination: address, macAddress })
}

export function deleteNeighbour({ address }: NeighbourResource, index: number): WriteStep {
  const family = familyOf(address) === 4 ? AF_INET : AF_INET6
  return (writer, sequence) =>
    writeNeighbour(writer, RTM_DELNEIGH, NLM_F_REQUEST, sequence, {
      family,
      index,
      destination: address,
      macAddress: undefined,
    })
}

/** A multicast or the all-zero MAC leads to many destinations, and is appended to; any other to one. */
export const leadsToMany = (macAddress: string): boolean =>
  (Number.parseInt(macAddress.slice(0, 2), 16) & 1) === 1 || macAddress === '00:00:00:00:00:00'

export function putForwarding({ macAddress, destination }: FdbResource, index: number): WriteStep {
  const flags = leadsToMany(macAddress) ? NLM_F_REQUEST | NLM_F_CREATE | NLM_F_APPEND : PUT
  return (writer, sequence) =>
    writeNeighbour(writer, RTM_NEWNEIGH, flags, sequence, {
      family: AF_BRIDGE,
      index,
      destination,
      macAddress,
    })
}

export function deleteForwarding({ macAddress, destination }: FdbResource, index: number): WriteStep {
  // Without a destination the kernel deletes what there is; with another than there is, nothing, without a word.
  const which = leadsToMany(macAddress) ? destination : undefined
  return (writer, sequence) =>
    writeNeighbour(writer, RTM_DELNEIGH, NLM_F_REQUEST, sequence, {
      family: AF_BRIDGE,
      index,
      destination: which,
      macAddress,
    })
}

export interface RoutePut {
  readonly resource: RouteResource
  readonly protocol: number
  /** 0 for a blackhole. */
  readonly oif: number
  /** 0 to hold it inline. */
  readonly nexthopId: number
  /** Take the place of what there is, instead of failing with EEXIST. */
  readonly replace: boolean
}

export function putRoute({ resource, protocol, oif, nexthopId, replace }: RoutePut): WriteStep {
  const { destination, table, tos, metric: priority, gateway, onLink, type } = resource
  const flags = NLM_F_REQUEST | NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL)
  const key = { destination, table, tos, priority, protocol }
  if (type === 'blackhole') {
    return (writer, sequence) =>
      writeRoute(writer, RTM_NEWROUTE, flags, sequence, { ...key, type: RTN_BLACKHOLE })
  }
  if (nexthopId !== 0) {
    return (writer, sequence) => writeRoute(writer, RTM_NEWROUTE, flags, sequence, { ...key, nexthopId })
  }
  // As `ip route` does: what has no gateway is on the link.
  const scope = gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE
  return (writer, sequence) =>
    writeRoute(writer, RTM_NEWROUTE, flags, sequence, {
      ...key,
      type: RTN_UNICAST,
      scope,
      gateway,
      oif,
      onLink,
    })
}

/** Deletes the route of this key and protocol, wherever it leads. */
export function deleteRoute(
  { destination, table, tos, metric: priority }: RouteResource,
  protocol: number,
): WriteStep {
  const request = { destination, table, tos, priority, protocol, type: RTN_UNSPEC, scope: RT_SCOPE_NOWHERE }
  return (writer, sequence) => writeRoute(writer, RTM_DELROUTE, NLM_F_REQUEST, sequence, request)
}

export interface NexthopPut {
  readonly id: number
  readonly protocol: number
  readonly oif: number
  readonly gateway: string
  readonly onLink: boolean
  /** Ours already: write it again, should it have gone. Else fail with EEXIST where somebody has this id. */
  readonly known: boolean
}

export function putNexthop(nexthop: NexthopPut): WriteStep {
  const flags = NLM_F_REQUEST | NLM_F_CREATE | (nexthop.known ? NLM_F_REPLACE : NLM_F_EXCL)
  return (writer, sequence) => writeNewNexthop(writer, flags, sequence, nexthop)
}

export function deleteNexthop(id: number): WriteStep {
  return (writer, sequence) => writeDeleteNexthop(writer, NLM_F_REQUEST, sequence, id)
}
