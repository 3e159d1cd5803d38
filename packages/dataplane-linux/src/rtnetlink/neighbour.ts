import type { MessageReader, MessageWriter } from '../netlink/index.js'
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  type RTM_DELNEIGH,
  RTM_GETNEIGH,
  type RTM_NEWNEIGH,
} from './constants.js'

/** `struct ndmsg`: family, padding, index, state, flags, type. include/uapi/linux/neighbour.h, as all here. */
const NDMSG_LENGTH = 12

const NDA_DST = 1
const NDA_LLADDR = 2
const NDA_PORT = 6
const NDA_VNI = 7
const NDA_IFINDEX = 8
const NDA_NH_ID = 13

export const NUD_PERMANENT = 0x80

/** The entry is the device's own (a VXLAN's fdb), not its bridge's. */
export const NTF_SELF = 0x02
/** A proxy: answers for another host's address. */
export const NTF_PROXY = 0x08

/** An entry of a neighbour table (AF_INET, AF_INET6) or of an fdb (AF_BRIDGE). */
export interface NeighbourMessage {
  readonly family: number
  readonly index: number
  /** NUD_* */
  readonly state: number
  /** NTF_* */
  readonly flags: number
  /** The neighbour's IP address; in an fdb, the remote VTEP. */
  readonly destination: string | undefined
  readonly macAddress: string | undefined
  /** Of a fdb entry: another UDP port, VNI or outgoing link than the device's own, or a nexthop object. */
  readonly differs: boolean
}

export interface NeighbourRequest {
  readonly family: typeof AF_INET | typeof AF_INET6 | typeof AF_BRIDGE
  readonly index: number
  readonly destination: string | undefined
  readonly macAddress: string | undefined
}

/** RTM_NEWNEIGH or RTM_DELNEIGH of a permanent entry; in an fdb, of the device's own. */
export function writeNeighbour(
  writer: MessageWriter,
  type: typeof RTM_NEWNEIGH | typeof RTM_DELNEIGH,
  flags: number,
  sequence: number,
  { family, index, destination, macAddress }: NeighbourRequest,
): void {
  writer.begin(type, flags, sequence)
  writer.u32(family)
  writer.u32(index)
  writer.u16(NUD_PERMANENT)
  writer.u8(family === AF_BRIDGE ? NTF_SELF : 0)
  writer.u8(0)
  if (destination !== undefined) writer.attributeAddress(NDA_DST, destination)
  if (macAddress !== undefined) writer.attributeMac(NDA_LLADDR, macAddress)
  writer.end()
}

/** RTM_GETNEIGH with NLM_F_DUMP: the entries of one table, of one link if `index` is given. */
export function writeGetNeighbours(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  { family, index }: { readonly family: NeighbourRequest['family']; readonly index?: number },
): void {
  writer.begin(RTM_GETNEIGH, flags, sequence)
  writer.u32(family)
  // A strict dump takes the link as an attribute and refuses one in the header (neigh_valid_dump_req).
  writer.u32(0)
  writer.u32(0)
  if (index !== undefined) writer.attributeU32(NDA_IFINDEX, index)
  writer.end()
}

/** Reads RTM_NEWNEIGH or RTM_DELNEIGH; undefined for a family that is none of IPv4, IPv6 and bridge. */
export function readNeighbour(message: MessageReader): NeighbourMessage | undefined {
  const attributes = message.attributesAfter(NDMSG_LENGTH)
  const { buffer, start } = message
  const family = buffer.readUInt8(start)
  if (family !== AF_INET && family !== AF_INET6 && family !== AF_BRIDGE) return undefined
  let destination: string | undefined
  let macAddress: string | undefined
  let differs = false
  while (attributes.next()) {
    switch (attributes.type) {
      case NDA_DST:
        destination = attributes.address()
        break
      case NDA_LLADDR:
        macAddress = attributes.length > 0 ? attributes.hardwareAddress() : undefined
        break
      case NDA_PORT:
      case NDA_VNI:
      case NDA_IFINDEX:
      case NDA_NH_ID:
        differs = family === AF_BRIDGE
        break
    }
  }
  return {
    family,
    index: buffer.readInt32LE(start + 4),
    state: buffer.readUInt16LE(start + 8),
    flags: buffer.readUInt8(start + 10),
    destination,
    macAddress,
    differs,
  }
}
