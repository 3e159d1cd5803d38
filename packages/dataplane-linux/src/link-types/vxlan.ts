import { familyOf, type LinkSettings } from '@selvedge/core/kit'
import type { AttributeReader, AttributeWriter } from '../netlink/index.js'
import {
  booleanSetting,
  type IndexOf,
  type LinkType,
  type ListeningPort,
  type NameOf,
  numberSetting,
  textSetting,
} from './link-type.js'

/** IFLA_VXLAN_*, include/uapi/linux/if_link.h */
const IFLA_VXLAN_ID = 1
const IFLA_VXLAN_LINK = 3
const IFLA_VXLAN_LOCAL = 4
const IFLA_VXLAN_LEARNING = 7
const IFLA_VXLAN_PORT = 15
const IFLA_VXLAN_LOCAL6 = 17
const IFLA_VXLAN_GBP = 23

/**
 * VXLAN links (drivers/net/vxlan). The settings:
 *
 * | name | |
 * |---|---|
 * | `vni` | 0 to 16777215 (RFC 7348: 24 bits) |
 * | `port` | UDP destination port. 8472 is the kernel's default and flannel's, 4789 is IANA's |
 * | `local` | the source address of outer packets |
 * | `parent` | the name of the link that outer packets leave by |
 * | `learning` | whether the kernel learns remote MACs from traffic |
 * | `gbp` | Group Based Policy extension (draft-smith-vxlan-group-policy) |
 */
export const vxlan: LinkType = {
  name: 'vxlan',
  // The kernel refuses the change of some and ignores that of others.
  changeable: [],
  hasFdb: true,
  encode,
  decode,
  conflict,
  listensOn,
}

function encode(settings: LinkSettings, writer: AttributeWriter, indexOf: IndexOf): void {
  const vni = numberSetting(settings, 'vni')
  const port = numberSetting(settings, 'port')
  const local = textSetting(settings, 'local')
  const parent = textSetting(settings, 'parent')
  const learning = booleanSetting(settings, 'learning')
  if (vni !== undefined) writer.attributeU32(IFLA_VXLAN_ID, vni)
  if (parent !== undefined) writer.attributeU32(IFLA_VXLAN_LINK, indexOf(parent))
  if (local !== undefined) {
    writer.attributeAddress(local.includes(':') ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL, local)
  }
  if (learning !== undefined) writer.attributeU8(IFLA_VXLAN_LEARNING, learning ? 1 : 0)
  if (port !== undefined) writer.attributeU16BE(IFLA_VXLAN_PORT, port)
  if (booleanSetting(settings, 'gbp') === true) writer.flag(IFLA_VXLAN_GBP)
}

function decode(attributes: AttributeReader, nameOf: NameOf): LinkSettings {
  let vni: number | undefined
  let port: number | undefined
  let local: string | undefined
  let parent: string | undefined
  let learning = false
  let gbp = false
  while (attributes.next()) {
    switch (attributes.type) {
      case IFLA_VXLAN_ID:
        vni = attributes.u32()
        break
      case IFLA_VXLAN_PORT:
        port = attributes.u16BE()
        break
      case IFLA_VXLAN_LOCAL:
      case IFLA_VXLAN_LOCAL6:
        local = attributes.address()
        break
      case IFLA_VXLAN_LINK:
        parent = nameOf(attributes.u32())
        break
      case IFLA_VXLAN_LEARNING:
        learning = attributes.u8() !== 0
        break
      case IFLA_VXLAN_GBP:
        gbp = true
        break
    }
  }
  return { vni, port, local, parent, learning, gbp }
}

/** The kernel allows one link of a VNI for each UDP port and address family (vxlan_vni_in_use). */
function conflict({ vni, port }: LinkSettings, other: LinkSettings): string | undefined {
  return vni === other.vni ? `VNI ${vni} on UDP port ${other.port ?? port}` : undefined
}

/** Linux's default, not IANA's (drivers/net/vxlan/vxlan_core.c, vxlan_port). */
const DEFAULT_PORT = 8472

function listensOn({ port = DEFAULT_PORT, local }: LinkSettings): ListeningPort | undefined {
  if (typeof port !== 'number') return undefined
  return typeof local === 'string' ? { port, family: familyOf(local) } : { port }
}
