import { describe, expect, it } from 'vitest'
import { MessageReader, MessageWriter } from '../netlink/index.js'
import { readLink, writeNewLink } from '../rtnetlink/index.js'
import { decodeLinkSettings } from './codec.js'
import { vxlan } from './vxlan.js'

const indexOf = (name: string) => (name === 'eth0' ? 4 : 0)
const nameOf = (index: number) => (index === 4 ? 'eth0' : undefined)

/** Hexadecimal with spaces and line comments. */
const hex = (text: string): string => text.replaceAll(/#.*$/gm, '').replaceAll(/\s+/g, '')

const VXLAN = hex(`
  80000000 1000 0506 07000000 00000000  # 128 bytes, RTM_NEWLINK, CREATE EXCL REQUEST ACK, sequence 7
  00000000 00000000 01000000 01000000   # ifinfomsg: any, no index, UP, changing UP
  0e00 0300 666c616e6e656c2e3100 0000   # IFLA_IFNAME flannel.1
  0800 0400 aa050000                    # IFLA_MTU 1450
  0a00 0100 c6d2326f8f44 0000           # IFLA_ADDRESS
  3c00 1280                             # IFLA_LINKINFO, nested
  0a00 0100 76786c616e00 0000           #   IFLA_INFO_KIND vxlan
  2c00 0280                             #   IFLA_INFO_DATA, nested
  0800 0100 01000000                    #     IFLA_VXLAN_ID 1
  0800 0300 04000000                    #     IFLA_VXLAN_LINK 4
  0800 0400 c0a84003                    #     IFLA_VXLAN_LOCAL 192.168.64.3
  0500 0700 00000000                    #     IFLA_VXLAN_LEARNING off
  0600 0f00 2118 0000                   #     IFLA_VXLAN_PORT 8472, network order
`)

const settings = { vni: 1, port: 8472, local: '192.168.64.3', parent: 'eth0', learning: false, gbp: false }

function encoded(of: typeof settings | Record<string, string | boolean>): string {
  const writer = new MessageWriter()
  writeNewLink(writer, 0x605, 7, {
    name: 'flannel.1',
    up: true,
    mtu: 1450,
    address: 'c6:d2:32:6f:8f:44',
    kind: 'vxlan',
    writeData: (data) => vxlan.encode(of, data, indexOf),
  })
  return writer.bytes().toString('hex')
}

function decoded(bytes: string) {
  const message = new MessageReader(Buffer.from(bytes, 'hex'))
  message.next()
  return decodeLinkSettings(vxlan, readLink(message).data ?? Buffer.alloc(0), nameOf)
}

describe('vxlan', () => {
  it('encodes settings byte for byte, and decodes them', () => {
    expect(encoded(settings)).toBe(VXLAN)
    expect(decoded(VXLAN)).toEqual(settings)
  })

  it('encodes GBP as a flag, and an IPv6 local address as an attribute of its own', () => {
    const bytes = encoded({ local: 'fd00::3', gbp: true })
    expect(bytes).toContain(hex('1400 1100 fd000000000000000000000000000003'))
    expect(bytes).toContain(hex('0400 1700'))
    expect(decoded(bytes)).toMatchObject({ local: 'fd00::3', gbp: true })
  })

  it.each([
    ['vni', '1', /vni must be a number, not "1"/],
    ['local', 1, /local must be a string, not 1/],
    ['gbp', 'yes', /gbp must be true or false, not "yes"/],
    ['local', 'nowhere', /'nowhere' is not an IP address/],
  ])('refuses %s = %j', (name, value, message) => {
    const encode = () => vxlan.encode({ [name]: value }, new MessageWriter(), indexOf)
    expect(encode).toThrow(TypeError)
    expect(encode).toThrow(message)
  })

  it('finds a conflict with a link of the same VNI', () => {
    expect(vxlan.conflict?.(settings, { ...settings, port: 4789 })).toBe('VNI 1 on UDP port 4789')
    expect(vxlan.conflict?.(settings, { ...settings, vni: 2 })).toBeUndefined()
  })
})
