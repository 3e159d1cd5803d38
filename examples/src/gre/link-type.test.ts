import { decodeLinkSettings, encodeLinkSettings } from '@selvedge/dataplane-linux'
import { describe, expect, it } from 'vitest'
import { greLinks } from './link-type.js'

/**
 * IFLA_INFO_DATA of `ip link add gre-c0a84002 type gre local 192.168.64.3 remote 192.168.64.2 ttl 64 dev eth0`, in
 * which eth0 has index 4. Captured from iproute2 6.1.0 with `strace -xx -s 4096 -e trace=sendmsg`; a kernel without
 * GRE refuses the request, but the bytes are the same.
 */
const CAPTURED = `
  08000400 00000000  # IFLA_GRE_IKEY
  08000500 00000000  # IFLA_GRE_OKEY
  06000200 0000 0000 # IFLA_GRE_IFLAGS
  06000300 0000 0000 # IFLA_GRE_OFLAGS
  08000600 c0a84003  # IFLA_GRE_LOCAL
  08000700 c0a84002  # IFLA_GRE_REMOTE
  05000a00 01 000000 # IFLA_GRE_PMTUDISC
  05000900 00 000000 # IFLA_GRE_TOS
  08000100 04000000  # IFLA_GRE_LINK
  05000800 40 000000 # IFLA_GRE_TTL
  08001400 00000000  # IFLA_GRE_FWMARK
  06000e00 0000 0000 # IFLA_GRE_ENCAP_TYPE
  06000f00 0000 0000 # IFLA_GRE_ENCAP_FLAGS
  06001000 0000 0000 # IFLA_GRE_ENCAP_SPORT
  06001100 0000 0000 # IFLA_GRE_ENCAP_DPORT
`

/** What `ip` spells out although it is the kernel's default (net/ipv4/ip_gre.c, ipgre_netlink_parms). */
const DEFAULTS = ['05000a0001000000', /^[0-9a-f]{8}0+$/] as const

const settings = { local: '192.168.64.3', remote: '192.168.64.2', parent: 'eth0', ttl: 64 }
const hex = (text: string) => text.replaceAll(/#.*$/gm, '').replaceAll(/\s+/g, '')

/** Each attribute in hexadecimal, padding included, sorted. */
function attributes(data: Uint8Array): string[] {
  const bytes = Buffer.from(data)
  const found: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = (bytes.readUInt16LE(at) + 3) & ~3
    found.push(bytes.toString('hex', at, at + length))
    at += length
  }
  return found.sort()
}

describe('a GRE link', () => {
  it('is encoded as ip encodes it', () => {
    const ours = attributes(encodeLinkSettings(greLinks(), settings, (name) => (name === 'eth0' ? 4 : 0)))
    const theirs = attributes(Buffer.from(hex(CAPTURED), 'hex'))
    const [pmtudisc, zero] = DEFAULTS
    expect(ours).toEqual(theirs.filter((attribute) => attribute !== pmtudisc && !zero.test(attribute)))
  })

  it('is decoded from what ip sends', () => {
    const nameOf = (index: number) => (index === 4 ? 'eth0' : undefined)
    expect(decodeLinkSettings(greLinks(), Buffer.from(hex(CAPTURED), 'hex'), nameOf)).toEqual(settings)
  })
})
