import type { AttributeWriter, MessageReader, MessageWriter } from '../netlink/index.js'
import { AF_UNSPEC, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK } from './constants.js'

/** `struct ifinfomsg`: family, type, index, flags, change mask. include/uapi/linux/rtnetlink.h */
const IFINFOMSG_LENGTH = 16

/** `enum` of IFLA_*, include/uapi/linux/if_link.h */
const IFLA_ADDRESS = 1
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_LINK = 5
const IFLA_MASTER = 10
const IFLA_LINKINFO = 18
const IFLA_IFALIAS = 20
const IFLA_EXT_MASK = 29
const IFLA_LINK_NETNSID = 37
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2

/** `RTEXT_FILTER_SKIP_STATS`, include/uapi/linux/rtnetlink.h: half of a link's dump is counters. */
const RTEXT_FILTER_SKIP_STATS = 8

/** `enum net_device_flags`, include/uapi/linux/if.h */
export const IFF_UP = 0x1
export const IFF_LOOPBACK = 0x8
export const IFF_LOWER_UP = 0x1_0000

/** A link as the kernel reports it. */
export interface LinkMessage {
  readonly index: number
  readonly name: string
  /** IFF_* */
  readonly flags: number
  readonly mtu: number
  /** The link-layer address in hexadecimal, of any length; undefined if the link has none. */
  readonly address: string | undefined
  readonly alias: string | undefined
  /** IFLA_INFO_KIND, such as `vxlan`, `veth`, `bridge`; undefined for hardware and loopback. */
  readonly kind: string | undefined
  /** IFLA_LINK: the index of the parent or the peer, in this namespace unless `parentElsewhere`. */
  readonly parent: number | undefined
  /** IFLA_LINK is an index in another network namespace. */
  readonly parentElsewhere: boolean
  /** The index of the bridge or bond that it is a port of. */
  readonly master: number | undefined
  /** A copy of IFLA_INFO_DATA, which depends on the kind. */
  readonly data: Buffer | undefined
}

/** The requested change of a link. What is absent stays as it is. */
export interface LinkRequest {
  /** Which link; 0 or absent if `name` identifies it, or to create it. */
  readonly index?: number | undefined
  readonly name?: string | undefined
  readonly up?: boolean | undefined
  readonly mtu?: number | undefined
  readonly address?: string | undefined
  readonly alias?: string | undefined
  readonly kind?: string | undefined
  /** Writes the attributes of IFLA_INFO_DATA. */
  readonly writeData?: ((writer: AttributeWriter) => void) | undefined
}

/** RTM_NEWLINK: creates a link (with NLM_F_CREATE) or changes one. */
export function writeNewLink(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  request: LinkRequest,
): void {
  writer.begin(RTM_NEWLINK, flags, sequence)
  const changesFlags = request.up !== undefined
  writeIfinfomsg(writer, request.index ?? 0, request.up === true ? IFF_UP : 0, changesFlags ? IFF_UP : 0)
  if (request.name !== undefined) writer.attributeText(IFLA_IFNAME, request.name)
  if (request.mtu !== undefined) writer.attributeU32(IFLA_MTU, request.mtu)
  if (request.address !== undefined) writer.attributeMac(IFLA_ADDRESS, request.address)
  if (request.alias !== undefined) writer.attributeText(IFLA_IFALIAS, request.alias)
  if (request.kind !== undefined) {
    const info = writer.beginNest(IFLA_LINKINFO)
    writer.attributeText(IFLA_INFO_KIND, request.kind)
    if (request.writeData !== undefined) {
      const data = writer.beginNest(IFLA_INFO_DATA)
      request.writeData(writer)
      writer.endNest(data)
    }
    writer.endNest(info)
  }
  writer.end()
}

/** RTM_DELLINK by index. */
export function writeDeleteLink(writer: MessageWriter, flags: number, sequence: number, index: number): void {
  writer.begin(RTM_DELLINK, flags, sequence)
  writeIfinfomsg(writer, index, 0, 0)
  writer.end()
}

/** RTM_GETLINK: one by index or name, or, with NLM_F_DUMP, all of them. */
export function writeGetLink(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  which: { readonly index?: number; readonly name?: string } = {},
): void {
  writer.begin(RTM_GETLINK, flags, sequence)
  writeIfinfomsg(writer, which.index ?? 0, 0, 0)
  if (which.name !== undefined) writer.attributeText(IFLA_IFNAME, which.name)
  writer.attributeU32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS)
  writer.end()
}

function writeIfinfomsg(writer: MessageWriter, index: number, flags: number, change: number): void {
  writer.u32(AF_UNSPEC)
  writer.u32(index)
  writer.u32(flags)
  writer.u32(change)
}

/** Reads RTM_NEWLINK or RTM_DELLINK. */
export function readLink(message: MessageReader): LinkMessage {
  const attributes = message.attributesAfter(IFINFOMSG_LENGTH)
  const { buffer, start } = message
  let name = ''
  let mtu = 0
  let address: string | undefined
  let alias: string | undefined
  let parent: number | undefined
  let parentElsewhere = false
  let master: number | undefined
  let kind: string | undefined
  let data: Buffer | undefined
  while (attributes.next()) {
    switch (attributes.type) {
      case IFLA_IFNAME:
        name = attributes.text()
        break
      case IFLA_MTU:
        mtu = attributes.u32()
        break
      case IFLA_ADDRESS:
        address = attributes.length > 0 ? attributes.hardwareAddress() : undefined
        break
      case IFLA_IFALIAS:
        alias = attributes.text()
        break
      case IFLA_LINK:
        // 0 means a tunnel over no particular link.
        parent = attributes.u32() || undefined
        break
      case IFLA_LINK_NETNSID:
        parentElsewhere = true
        break
      case IFLA_MASTER:
        master = attributes.u32()
        break
      case IFLA_LINKINFO: {
        const info = attributes.nested()
        while (info.next()) {
          if (info.type === IFLA_INFO_KIND) kind = info.text()
          else if (info.type === IFLA_INFO_DATA) data = info.bytes()
        }
        break
      }
    }
  }
  return {
    index: buffer.readInt32LE(start + 4),
    name,
    flags: buffer.readUInt32LE(start + 8),
    mtu,
    address,
    alias,
    kind,
    parent,
    parentElsewhere,
    master,
    data,
  }
}
