/** What every netlink message shares. Source: include/uapi/linux/netlink.h. */

/** `NETLINK_ROUTE`: the protocol of links, addresses, routes, nexthops and neighbours. */
export const NETLINK_ROUTE = 0
/** `NETLINK_XFRM`: the protocol of IPsec's policies and states. */
export const NETLINK_XFRM = 6
/** `NETLINK_GENERIC`: the protocol of families that have a name instead of a number of their own. */
export const NETLINK_GENERIC = 16

/** include/linux/socket.h, include/uapi/linux/in.h, include/uapi/linux/in6.h */
export const AF_INET = 2
export const AF_INET6 = 10
export const SOCKADDR_IN_LENGTH = 16
export const SOCKADDR_IN6_LENGTH = 28

/** `struct nlmsghdr`: length, type, flags, sequence, port. */
export const HEADER_LENGTH = 16
/** `struct nlattr`: length, type. */
export const ATTRIBUTE_HEADER_LENGTH = 4

export const NLMSG_NOOP = 1
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

/** nlmsg_flags: this is a request (include/uapi/linux/netlink.h). */
export const NLM_F_REQUEST = 0x01
/** nlmsg_flags: the kernel is to answer a success, too (include/uapi/linux/netlink.h). */
export const NLM_F_ACK = 0x04
/** Set on a part of a dump whose table changed meanwhile: the whole dump may lack or repeat entries. */
export const NLM_F_DUMP_INTR = 0x10
/** `NLM_F_ROOT | NLM_F_MATCH`. */
export const NLM_F_DUMP = 0x300
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
/** On an acknowledgement: the request is not echoed beyond its header. */
export const NLM_F_CAPPED = 0x100
/** On an acknowledgement: attributes follow that explain the error. */
export const NLM_F_ACK_TLVS = 0x200

/** `enum nlmsgerr_attrs`: the kernel's explanation. */
export const NLMSGERR_ATTR_MSG = 1

/** Attribute type bits that are not part of the type: `NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`. */
export const NLA_F_NESTED = 0x8000
export const NLA_TYPE_MASK = 0x3fff
