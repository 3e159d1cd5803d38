/**
 * What every rtnetlink message shares. Numbers of one kind of object stand beside that object's codec.
 * Source: include/uapi/linux/netlink.h and include/uapi/linux/rtnetlink.h.
 */

/** `NETLINK_ROUTE`: the protocol of links, addresses, routes, nexthops and neighbours. */
export const NETLINK_ROUTE = 0

/** `struct nlmsghdr`: length, type, flags, sequence, port. */
export const HEADER_LENGTH = 16
/** `struct nlattr`: length, type. */
export const ATTRIBUTE_HEADER_LENGTH = 4

export const NLMSG_NOOP = 1
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

export const NLM_F_REQUEST = 0x01
export const NLM_F_ACK = 0x04
/** Set on a part of a dump whose table changed while it was read: the whole dump may lack or repeat entries. */
export const NLM_F_DUMP_INTR = 0x10
/** `NLM_F_ROOT | NLM_F_MATCH`. */
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
/** On an error answer: the request is not echoed beyond its header. */
export const NLM_F_CAPPED = 0x100
/** On an error answer: attributes follow that explain the error. */
export const NLM_F_ACK_TLVS = 0x200

/** `enum nlmsgerr_attrs`: the kernel's explanation, and which byte of the request it is about. */
export const NLMSGERR_ATTR_MSG = 1

/** Attribute type bits that are not part of the type: `NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`. */
export const NLA_F_NESTED = 0x8000
export const NLA_TYPE_MASK = 0x3fff

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
export const RTM_NEWNEXTHOP = 104
export const RTM_DELNEXTHOP = 105
export const RTM_GETNEXTHOP = 106

/** `enum rtnetlink_groups`: the multicast groups that notifications come from. */
export const RTNLGRP_LINK = 1
export const RTNLGRP_NEIGH = 3
export const RTNLGRP_IPV4_IFADDR = 5
export const RTNLGRP_IPV4_ROUTE = 7
export const RTNLGRP_IPV6_IFADDR = 9
export const RTNLGRP_IPV6_ROUTE = 11
export const RTNLGRP_NEXTHOP = 32

/** Address families, include/linux/socket.h. */
export const AF_UNSPEC = 0
export const AF_INET = 2
export const AF_BRIDGE = 7
export const AF_INET6 = 10

/** True for the numbers of messages that tell of an object that went away (`RTM_DEL*`). */
export const isDeletion = (type: number): boolean => (type & 3) === 1
