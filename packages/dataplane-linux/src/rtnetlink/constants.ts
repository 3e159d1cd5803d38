/**
 * What all rtnetlink messages share. The numbers of one kind of object are in that object's codec.
 * Source: include/uapi/linux/rtnetlink.h.
 */

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const RTM_NEWADDR = 20
export const RTM_DELADDR = 21
export const RTM_GETADDR = 22
export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26
export const RTM_NEWNEIGH = 28
export const RTM_DELNEIGH = 29
export const RTM_GETNEIGH = 30
export const RTM_NEWRULE = 32
export const RTM_DELRULE = 33
export const RTM_GETRULE = 34
export const RTM_NEWNEXTHOP = 104
export const RTM_DELNEXTHOP = 105
export const RTM_GETNEXTHOP = 106

/** `enum rtnetlink_groups`: the multicast groups of notifications. */
export const RTNLGRP_LINK = 1
export const RTNLGRP_NEIGH = 3
export const RTNLGRP_IPV4_IFADDR = 5
export const RTNLGRP_IPV4_ROUTE = 7
export const RTNLGRP_IPV4_RULE = 8
export const RTNLGRP_IPV6_IFADDR = 9
export const RTNLGRP_IPV6_ROUTE = 11
export const RTNLGRP_IPV6_RULE = 19
export const RTNLGRP_NEXTHOP = 32

export { AF_INET, AF_INET6 } from '../netlink/index.js'

/** Further address families, include/linux/socket.h. */
export const AF_UNSPEC = 0
export const AF_BRIDGE = 7

/** True for the types of messages that report the end of an object (`RTM_DEL*`). */
export const isDeletion = (type: number): boolean => (type & 3) === 1
