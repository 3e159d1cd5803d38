import type { AttributeReader, MessageReader, MessageWriter } from '../netlink/index.js'
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

/** IFLA_VXLAN_*, include/uapi/linux/if_link.h */
const IFLA_VXLAN_ID = 1
const IFLA_VXLAN_LINK = 3
const IFLA_VXLAN_LOCAL = 4
const IFLA_VXLAN_TTL = 5
const IFLA_VXLAN_LEARNING = 7
const IFLA_VXLAN_PORT = 15
const IFLA_VXLAN_LOCAL6 = 17
const IFLA_VXLAN_GBP = 23
const IFLA_VXLAN_COLLECT_METADATA = 25

/** `RTEXT_FILTER_SKIP_STATS`, include/uapi/linux/rtnetlink.h: half of a link's dump is counters. */
const RTEXT_FILTER_SKIP_STATS = 8

/** `enum net_device_flags`, include/uapi/linux/if.h */
export const IFF_UP = 0x1
export const IFF_LOOPBACK = 0x8

/** VXLAN settings as they stand in a message; what is absent is left to the kernel. */
export interface VxlanAttributes {
  readonly vni?: number | undefined
  /** UDP destination port. */
  readonly port?: number | undefined
  readonly local?: string | undefined
  /** Interface index of the link that outer packets leave by. */
  readonly parent?: number | undefined
  readonly learning?: boolean | undefined
  readonly gbp?: boolean | undefined
  /** Outer TTL; 0 inherits. */
  readonly ttl?: number | undefined
  /** The device takes its tunnel from metadata ("external"), not from its own settings. */
  readonly collectMetadata?: boolean | undefined
}

/** A link as the kernel tells of it. */
export interface LinkMessage {
  readonly index: number
  readonly name: string
  /** IFF_* */
  readonly flags: number
  readonly mtu: number
  /** The link-layer address in hexadecimal, however long; absent where the link has none. */
  readonly address: string | undefined
  readonly alias: string | undefined
  /** IFLA_INFO_KIND, such as `vxlan`, `veth`, `bridge`; absent for hardware and loopback. */
  readonly kind: string | undefined
  /** IFLA_LINK: the index of the parent or the peer, in this namespace unless `parentElsewhere`. */
  readonly parent: number | undefined
  /** IFLA_LINK is an index in another network namespace. */
  readonly parentElsewhere: boolean
  /** The index of the bridge or bond that it is a port of. */
  readonly master: number | undefined
  readonly vxlan: VxlanAttributes | undefined
}

/** What a request asks of a link. What is absent is left as it is. */
export interface LinkRequest {
  /** Which link; 0 or absent when `name` tells, or when it is to be made. */
  readonly index?: number | undefined
  readonly name?: string | undefined
  readonly up?: boolean | undefined
  readonly mtu?: number | undefined
  readonly address?: string | undefined
  readonly alias?: string | undefined
  readonly kind?: string | undefined
  readonly vxlan?: VxlanAttributes | undefined
}

/** RTM_NEWLINK: makes a link (with NLM_F_CREATE) or changes one. */
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
    if (request.vxlan !== undefined) writeVxlan(writer, request.vxlan)
    writer.endNest(info)
  }
  writer.end()
}

function writeVxlan(writer: MessageWriter, vxlan: VxlanAttributes): void {
  const data = writer.beginNest(IFLA_INFO_DATA)
  if (vxlan.vni !== undefined) writer.attributeU32(IFLA_VXLAN_ID, vxlan.vni)
  if (vxlan.parent !== undefined) writer.attributeU32(IFLA_VXLAN_LINK, vxlan.parent)
  if (vxlan.local !== undefined) {
    writer.attributeAddress(vxlan.local.includes(':') ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, vxlan.local)
  }
  if (vxlan.ttl !== undefined) writer.attributeU8(IFLA_VXLAN_TTL, vxlan.ttl)
  if (vxlan.learning !== undefined) writer.attributeU8(IFLA_VXLAN_LEARNING, vxlan.learning ? 1 : 0)
  if (vxlan.port !== undefined) writer.attributeU16BE(IFLA_VXLAN_PORT, vxlan.port)
  if (vxlan.gbp === true) writer.flag(IFLA_VXLAN_GBP)
  if (vxlan.collectMetadata === true) writer.attributeU8(IFLA_VXLAN_COLLECT_METADATA, 1)
  writer.endNest(data)
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
  let vxlan: VxlanAttributes | undefined
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
        // 0 is what a tunnel over no particular link says.
        parent = attributes.u32() || undefined
        break
      case IFLA_LINK_NETNSID:
        parentElsewhere = true
        break
      case IFLA_MASTER:
        master = attributes.u32()
        break
      case IFLA_LINKINFO: {
        let data: AttributeReader | undefined
        const info = attributes.nested()
        while (info.next()) {
          if (info.type === IFLA_INFO_KIND) kind = info.text()
          else if (info.type === IFLA_INFO_DATA) data = info.nested()
        }
        if (kind === 'vxlan' && data !== undefined) vxlan = readVxlan(data)
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
    vxlan,
  }
}

function readVxlan(data: AttributeReader): VxlanAttributes {
  let vni: number | undefined
  let port: number | undefined
  let local: string | undefined
  let parent: number | undefined
  let ttl: number | undefined
  let learning = false
  let gbp = false
  let collectMetadata = false
  while (data.next()) {
    switch (data.type) {
      case IFLA_VXLAN_ID:
        vni = data.u32()
        break
      case IFLA_VXLAN_PORT:
        port = data.u16BE()
        break
      case IFLA_VXLAN_LOCAL:
      case IFLA_VXLAN_LOCAL6:
        local = data.address()
        break
      case IFLA_VXLAN_LINK:
        parent = data.u32() || undefined
        break
      case IFLA_VXLAN_TTL:
        ttl = data.u8()
        break
      case IFLA_VXLAN_LEARNING:
        learning = data.u8() !== 0
        break
      case IFLA_VXLAN_GBP:
        gbp = true
        break
      case IFLA_VXLAN_COLLECT_METADATA:
        collectMetadata = data.u8() !== 0
        break
    }
  }
  return { vni, port, local, parent, ttl, learning, gbp, collectMetadata }
}
