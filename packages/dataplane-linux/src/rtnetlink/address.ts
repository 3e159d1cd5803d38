import type { MessageReader, MessageWriter } from '../netlink/index.js'
import { AF_INET, AF_INET6, type RTM_DELADDR, RTM_GETADDR, type RTM_NEWADDR } from './constants.js'

/** `struct ifaddrmsg`: family, prefix length, flags, scope, index. include/uapi/linux/if_addr.h */
const IFADDRMSG_LENGTH = 8

/** IFA_*, include/uapi/linux/if_addr.h */
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8

/** IFA_F_*, include/uapi/linux/if_addr.h */
export const IFA_F_SECONDARY = 0x01
/** No duplicate address detection: the address is usable at once. */
export const IFA_F_NODAD = 0x02
export const IFA_F_DADFAILED = 0x08
export const IFA_F_DEPRECATED = 0x20
export const IFA_F_TENTATIVE = 0x40
/** Of no limited lifetime: neither DHCP's nor a router advertisement's. */
export const IFA_F_PERMANENT = 0x80

export interface AddressMessage {
  readonly family: number
  readonly index: number
  /** The interface's own address. */
  readonly local: string
  readonly prefixLength: number
  /** RT_SCOPE_* */
  readonly scope: number
  /** IFA_F_* */
  readonly flags: number
}

export interface AddressRequest {
  readonly index: number
  readonly local: string
  readonly prefixLength: number
  readonly flags?: number | undefined
}

/** RTM_NEWADDR or RTM_DELADDR. */
export function writeAddressMessage(
  writer: MessageWriter,
  type: typeof RTM_NEWADDR | typeof RTM_DELADDR,
  flags: number,
  sequence: number,
  request: AddressRequest,
): void {
  const family = request.local.includes(':') ? AF_INET6 : AF_INET
  writer.begin(type, flags, sequence)
  writer.u8(family)
  writer.u8(request.prefixLength)
  writer.u8(0)
  writer.u8(0)
  writer.u32(request.index)
  writer.attributeAddress(IFA_LOCAL, request.local)
  writer.attributeAddress(IFA_ADDRESS, request.local)
  if (request.flags !== undefined) writer.attributeU32(IFA_FLAGS, request.flags)
  writer.end()
}

/** RTM_GETADDR: all addresses of a family (0: of each), of one link if `index` is given. */
export function writeGetAddresses(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  { family = 0, index = 0 }: { readonly family?: number; readonly index?: number } = {},
): void {
  writer.begin(RTM_GETADDR, flags, sequence)
  writer.u32(family)
  writer.u32(index)
  writer.end()
}

/** Reads RTM_NEWADDR or RTM_DELADDR; undefined for a family that is neither IPv4 nor IPv6. */
export function readAddressMessage(message: MessageReader): AddressMessage | undefined {
  const attributes = message.attributesAfter(IFADDRMSG_LENGTH)
  const { buffer, start } = message
  const family = buffer.readUInt8(start)
  if (family !== AF_INET && family !== AF_INET6) return undefined
  let flags = buffer.readUInt8(start + 2)
  let address: string | undefined
  let local: string | undefined
  while (attributes.next()) {
    // On a point-to-point link IFA_ADDRESS is the other end, and IFA_LOCAL alone is ours.
    if (attributes.type === IFA_ADDRESS) address = attributes.address()
    else if (attributes.type === IFA_LOCAL) local = attributes.address()
    else if (attributes.type === IFA_FLAGS) flags = attributes.u32()
  }
  const own = local ?? address
  if (own === undefined) return undefined
  return {
    family,
    index: buffer.readInt32LE(start + 4),
    local: own,
    prefixLength: buffer.readUInt8(start + 1),
    scope: buffer.readUInt8(start + 3),
    flags,
  }
}
