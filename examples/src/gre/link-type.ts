/**
 * A link type of your own: GRE, whose settings this file translates to and from the kernel's.
 *
 *     createOverlay({ subnets, backend: gre(), drivers: [linux({ linkTypes: [greLinks()] })] })
 *
 * | setting | |
 * |---|---|
 * | `local`, `remote` | the addresses of both ends |
 * | `parent` | the name of the link that outer packets leave by |
 * | `ttl` | of outer packets, 1 to 255 |
 */
import type { LinkType } from '@selvedge/dataplane-linux'

/** IFLA_GRE_*, include/uapi/linux/if_tunnel.h */
const IFLA_GRE_LINK = 1
const IFLA_GRE_LOCAL = 6
const IFLA_GRE_REMOTE = 7
const IFLA_GRE_TTL = 8

export function greLinks(): LinkType {
  return {
    name: 'gre',
    // net/ipv4/ip_gre.c, ipgre_changelink
    changeable: ['local', 'remote', 'parent', 'ttl'],
    encode({ local, remote, parent, ttl }, writer, indexOf) {
      if (local !== undefined) writer.attributeAddress(IFLA_GRE_LOCAL, String(local))
      if (remote !== undefined) writer.attributeAddress(IFLA_GRE_REMOTE, String(remote))
      if (parent !== undefined) writer.attributeU32(IFLA_GRE_LINK, indexOf(String(parent)))
      if (ttl !== undefined) writer.attributeU8(IFLA_GRE_TTL, Number(ttl))
    },
    decode(attributes, nameOf) {
      const settings: Record<string, string | number | undefined> = {}
      while (attributes.next()) {
        if (attributes.type === IFLA_GRE_LOCAL) settings.local = attributes.address()
        else if (attributes.type === IFLA_GRE_REMOTE) settings.remote = attributes.address()
        else if (attributes.type === IFLA_GRE_LINK) settings.parent = nameOf(attributes.u32())
        else if (attributes.type === IFLA_GRE_TTL) settings.ttl = attributes.u8()
      }
      return settings
    },
  }
}
