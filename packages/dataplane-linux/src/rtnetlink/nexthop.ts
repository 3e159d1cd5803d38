import type { MessageReader, MessageWriter } from '../netlink/index.js'
import { AF_INET, AF_INET6, AF_UNSPEC, RTM_DELNEXTHOP, RTM_GETNEXTHOP, RTM_NEWNEXTHOP } from './constants.js'
import { RTNH_F_ONLINK } from './route.js'

/** `struct nhmsg`: family, scope, protocol, reserved, flags. include/uapi/linux/nexthop.h (Linux 5.3) */
const NHMSG_LENGTH = 8

/** NHA_*, include/uapi/linux/nexthop.h */
const NHA_ID = 1
const NHA_GROUP = 2
const NHA_BLACKHOLE = 4
const NHA_OIF = 5
const NHA_GATEWAY = 6

export interface NexthopMessage {
  readonly id: number
  readonly family: number
  /** RTPROT_* of who made it. */
  readonly protocol: number
  /** RTNH_F_* */
  readonly flags: number
  readonly oif: number
  readonly gateway: string | undefined
  /** Of a kind that the driver never makes: a group, or a blackhole. */
  readonly special: boolean
}

export interface NexthopRequest {
  /** Above 0. */
  readonly id: number
  readonly protocol: number
  readonly oif: number
  readonly gateway: string
  readonly onLink: boolean
}

/** RTM_NEWNEXTHOP */
export function writeNewNexthop(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  nexthop: NexthopRequest,
): void {
  writer.begin(RTM_NEWNEXTHOP, flags, sequence)
  writer.u8(nexthop.gateway.includes(':') ? AF_INET6 : AF_INET)
  writer.u8(0)
  writer.u8(nexthop.protocol)
  writer.u8(0)
  writer.u32(nexthop.onLink ? RTNH_F_ONLINK : 0)
  writer.attributeU32(NHA_ID, nexthop.id)
  writer.attributeU32(NHA_OIF, nexthop.oif)
  writer.attributeAddress(NHA_GATEWAY, nexthop.gateway)
  writer.end()
}

/** RTM_DELNEXTHOP. The kernel removes the routes that lead through it, and sends no notification of them. */
export function writeDeleteNexthop(writer: MessageWriter, flags: number, sequence: number, id: number): void {
  writer.begin(RTM_DELNEXTHOP, flags, sequence)
  writer.u32(AF_UNSPEC)
  writer.u32(0)
  writer.attributeU32(NHA_ID, id)
  writer.end()
}

/** RTM_GETNEXTHOP with NLM_F_DUMP: all of them, or those through one link. */
export function writeGetNexthops(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  { oif }: { readonly oif?: number } = {},
): void {
  writer.begin(RTM_GETNEXTHOP, flags, sequence)
  writer.u32(AF_UNSPEC)
  writer.u32(0)
  if (oif !== undefined) writer.attributeU32(NHA_OIF, oif)
  writer.end()
}

/** Reads RTM_NEWNEXTHOP or RTM_DELNEXTHOP. */
export function readNexthop(message: MessageReader): NexthopMessage {
  const attributes = message.attributesAfter(NHMSG_LENGTH)
  const { buffer, start } = message
  let id = 0
  let oif = 0
  let gateway: string | undefined
  let special = false
  while (attributes.next()) {
    switch (attributes.type) {
      case NHA_ID:
        id = attributes.u32()
        break
      case NHA_OIF:
        oif = attributes.u32()
        break
      case NHA_GATEWAY:
        gateway = attributes.address()
        break
      case NHA_GROUP:
      case NHA_BLACKHOLE:
        special = true
        break
    }
  }
  return {
    id,
    family: buffer.readUInt8(start),
    protocol: buffer.readUInt8(start + 2),
    flags: buffer.readUInt32LE(start + 4),
    oif,
    gateway,
    special,
  }
}
