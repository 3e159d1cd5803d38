import type { LinkSettings } from '@selvedge/core/kit'
import type { AttributeReader, AttributeWriter } from '../netlink/index.js'
import { booleanSetting, type LinkType, numberSetting, textSetting } from './link-type.js'

/** IFLA_IPTUN_*, include/uapi/linux/if_tunnel.h */
const IFLA_IPTUN_LOCAL = 2
const IFLA_IPTUN_REMOTE = 3
const IFLA_IPTUN_FLAGS = 8
const IFLA_IPTUN_PROTO = 9

/** include/uapi/linux/ip6_tunnel.h: no Tunnel Encapsulation Limit option (RFC 2473, 4.1.1), which takes 8 bytes. */
const IP6_TNL_F_IGN_ENCAP_LIMIT = 1

/**
 * IPv4 in IPv4 (net/ipv4/ipip.c, RFC 2003). The settings:
 *
 * | name | |
 * |---|---|
 * | `local` | the source address of outer packets; `0.0.0.0` for any |
 * | `remote` | where they go; `0.0.0.0` for the gateway of the route that leads into the link |
 */
export const ipip: LinkType = {
  name: 'ipip',
  changeable: [],
  encode: (settings, writer) => encodeEnds(settings, writer, '0.0.0.0'),
  decode(attributes: AttributeReader): LinkSettings {
    let [local, remote] = ['0.0.0.0', '0.0.0.0']
    while (attributes.next()) {
      if (attributes.type === IFLA_IPTUN_LOCAL) local = attributes.address()
      else if (attributes.type === IFLA_IPTUN_REMOTE) remote = attributes.address()
    }
    return { local, remote }
  },
}

/**
 * IPv6 in IPv6 (net/ipv6/ip6_tunnel.c, RFC 2473), and with `protocol` 4 IPv4 in IPv6. The settings:
 *
 * | name | |
 * |---|---|
 * | `local`, `remote` | the ends; `::` for any |
 * | `protocol` | of what is inside: 41 for IPv6, 4 for IPv4, 0 for both |
 * | `encapsulationLimit` | whether outer packets carry that option, with the kernel's limit of 4 |
 */
export const ip6tnl: LinkType = {
  name: 'ip6tnl',
  changeable: [],
  encode(settings, writer) {
    const protocol = numberSetting(settings, 'protocol')
    if (protocol !== undefined) writer.attributeU8(IFLA_IPTUN_PROTO, protocol)
    encodeEnds(settings, writer, '::')
    if (booleanSetting(settings, 'encapsulationLimit') === false) {
      writer.attributeU32(IFLA_IPTUN_FLAGS, IP6_TNL_F_IGN_ENCAP_LIMIT)
    }
  },
  decode(attributes: AttributeReader): LinkSettings {
    let [local, remote] = ['::', '::']
    let protocol = 0
    let encapsulationLimit = true
    while (attributes.next()) {
      switch (attributes.type) {
        case IFLA_IPTUN_LOCAL:
          local = attributes.address()
          break
        case IFLA_IPTUN_REMOTE:
          remote = attributes.address()
          break
        case IFLA_IPTUN_PROTO:
          protocol = attributes.u8()
          break
        case IFLA_IPTUN_FLAGS:
          encapsulationLimit = (attributes.u32() & IP6_TNL_F_IGN_ENCAP_LIMIT) === 0
          break
      }
    }
    return { local, remote, protocol, encapsulationLimit }
  },
}

function encodeEnds(settings: LinkSettings, writer: AttributeWriter, any: string): void {
  const [local, remote] = [textSetting(settings, 'local'), textSetting(settings, 'remote')]
  if (local !== undefined && local !== any) writer.attributeAddress(IFLA_IPTUN_LOCAL, local)
  if (remote !== undefined && remote !== any) writer.attributeAddress(IFLA_IPTUN_REMOTE, remote)
}
