import type { LinkSettings } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { decodeLinkSettings, encodeLinkSettings } from './codec.js'
import { ip6tnl, ipip } from './ip-tunnels.js'
import type { LinkType } from './link-type.js'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/#.*$/gm, '').replaceAll(/\s+/g, ''), 'hex')

/**
 * IFLA_INFO_DATA as iproute2 6.1 sends it, captured by strace. It writes everything, what the kernel does by itself too:
 *
 *     ip link add name flannel.ipip up type ipip local 192.168.64.2
 *     ip link add name fl6-9d754c9a492 up type ip6tnl local 2001:db8::2 remote 2001:db8::3 mode ip6ip6 encaplimit none
 */
const BY_IP = {
  ipip: hex(`
    0500 0900 00000000   # IFLA_IPTUN_PROTO any: the default, 4, is IPv4 alone
    0800 0200 c0a84002   # IFLA_IPTUN_LOCAL
    0500 0a00 01000000   # IFLA_IPTUN_PMTUDISC: the default
    0500 0500 00000000   # IFLA_IPTUN_TOS: the default
    0500 0400 00000000   # IFLA_IPTUN_TTL: the default, that of the inner packet
    0800 0100 00000000   # IFLA_IPTUN_LINK: the default, any
    0800 1400 00000000   # IFLA_IPTUN_FWMARK: the default, none
    0600 0f00 00000000   # IFLA_IPTUN_ENCAP_TYPE, _FLAGS, _SPORT, _DPORT: the default, none
    0600 1000 00000000
    0600 1100 00000000
    0600 1200 00000000
  `),
  ip6tnl: hex(`
    0500 0900 29000000                                 # IFLA_IPTUN_PROTO 41
    1400 0200 20010db8000000000000000000000002         # IFLA_IPTUN_LOCAL
    1400 0300 20010db8000000000000000000000003         # IFLA_IPTUN_REMOTE
    0500 0400 40000000                                 # IFLA_IPTUN_TTL 64: the route's hop limit by default
    0500 0600 04000000                                 # IFLA_IPTUN_ENCAP_LIMIT: without effect
    0800 0700 00000000                                 # IFLA_IPTUN_FLOWINFO: the default
    0800 0800 01000000                                 # IFLA_IPTUN_FLAGS: no encapsulation limit
    0800 0100 00000000                                 # IFLA_IPTUN_LINK: the default, any
    0800 1400 00000000                                 # IFLA_IPTUN_FWMARK: the default, none
    0600 0f00 00000000 0600 1000 02000000 0600 1100 00000000 0600 1200 00000000
  `),
}

const CASES: readonly (readonly [LinkType, keyof typeof BY_IP, LinkSettings])[] = [
  [ipip, 'ipip', { local: '192.168.64.2', remote: '0.0.0.0' }],
  [
    ip6tnl,
    'ip6tnl',
    { local: '2001:db8::2', remote: '2001:db8::3', protocol: 41, encapsulationLimit: false },
  ],
]

/** Each attribute with its header and its padding. */
function attributesOf(data: Uint8Array): readonly string[] {
  const bytes = Buffer.from(data)
  const found: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const padded = (bytes.readUInt16LE(at) + 3) & ~3
    found.push(bytes.subarray(at, at + padded).toString('hex'))
    at += padded
  }
  return found
}

const indexOf = () => 4
const nameOf = () => 'eth0'

describe.each(CASES)('$name', (type, name, settings) => {
  it('encodes what ip encodes, byte for byte, but for what the kernel does by itself', () => {
    expect(attributesOf(BY_IP[name])).toEqual(
      expect.arrayContaining([...attributesOf(encodeLinkSettings(type, settings, indexOf))]),
    )
  })

  it('decodes what ip and what it itself encodes', () => {
    expect(decodeLinkSettings(type, BY_IP[name], nameOf)).toEqual(settings)
    expect(decodeLinkSettings(type, encodeLinkSettings(type, settings, indexOf), nameOf)).toEqual(settings)
  })

  it('decodes a remote address, which a link of another program may have', () => {
    const remote = name === 'ip6tnl' ? '2001:db8::9' : '192.0.2.9'
    const data = encodeLinkSettings(type, { ...settings, remote }, indexOf)
    expect(decodeLinkSettings(type, data, nameOf)).toEqual({ ...settings, remote })
  })

  it('refuses settings of another type', () => {
    expect(() => encodeLinkSettings(type, { local: 1 }, indexOf)).toThrow(/local must be a string/)
    expect(() => encodeLinkSettings(type, { local: 'nowhere' }, indexOf)).toThrow(TypeError)
  })
})
