import { describe, expect, it } from 'vitest'
import {
  addressAt,
  baseAddress,
  canonicalCidr,
  cidrOf,
  contains,
  containsAddress,
  formatCidr,
  lastAddress,
  overlaps,
  parseCidr,
  requireCidr,
} from './cidr.js'
import { canonicalAddress, familyOf, formatAddress, parseAddress } from './ip.js'

describe('an address', () => {
  it.each<[text: string, family: 4 | 6, value: bigint, canonical: string]>([
    ['0.0.0.0', 4, 0n, '0.0.0.0'],
    ['10.5.52.1', 4, 0x0a053401n, '10.5.52.1'],
    ['255.255.255.255', 4, 0xffffffffn, '255.255.255.255'],
    ['::', 6, 0n, '::'],
    ['::1', 6, 1n, '::1'],
    ['2001:cafe:42:1::', 6, 0x2001_cafe_0042_0001n << 64n, '2001:cafe:42:1::'],
    ['2001:CAFE:42:1:0:0:0:0', 6, 0x2001_cafe_0042_0001n << 64n, '2001:cafe:42:1::'],
    ['fd00:0:0:1:0:0:0:1', 6, (0xfd00_0000_0000_0001n << 64n) | 1n, 'fd00:0:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', 6, 0x2001_0db8_0000_0001_0001_0001_0001_0001n, '2001:db8:0:1:1:1:1:1'],
    [
      'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
      6,
      2n ** 128n - 1n,
      'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    ],
  ])('%s is read and written', (text, family, value, canonical) => {
    expect(parseAddress(text)).toEqual({ family, value })
    expect(formatAddress({ family, value })).toBe(canonical)
    expect(canonicalAddress(text)).toBe(canonical)
    expect(familyOf(text)).toBe(family)
  })

  it.each([
    '',
    ' ',
    '10',
    '10.1',
    '10.1.1',
    '10.1.1.1.1',
    '10.1.1.',
    '.10.1.1',
    '10..1.1',
    '010.1.1.1',
    '10.01.1.1',
    '10.1.1.00',
    '0x0a.1.1.1',
    '10.1.1.256',
    '10.1.1.1000',
    '10.1.1.-1',
    '10.1.1.1 ',
    ' 10.1.1.1',
    '10.1.1.1\n',
    '10.1.1.1/32',
    '１0.1.1.1',
    'localhost',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'fe80::1%eth0',
    '::1 ',
    '[::1]',
    '::1/128',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined()
    expect(() => canonicalAddress(text)).toThrow(new TypeError(`'${text}' is not an IP address`))
  })
})

describe('a network', () => {
  it.each<[text: string, canonical: string, base: string, last: string]>([
    ['10.5.0.0/16', '10.5.0.0/16', '10.5.0.0', '10.5.255.255'],
    ['10.5.52.7/24', '10.5.52.0/24', '10.5.52.0', '10.5.52.255'],
    ['10.5.52.7/32', '10.5.52.7/32', '10.5.52.7', '10.5.52.7'],
    ['192.168.64.255/25', '192.168.64.128/25', '192.168.64.128', '192.168.64.255'],
    ['0.0.0.0/0', '0.0.0.0/0', '0.0.0.0', '255.255.255.255'],
    ['255.255.255.255/1', '128.0.0.0/1', '128.0.0.0', '255.255.255.255'],
    ['2001:cafe:42:1::7/64', '2001:cafe:42:1::/64', '2001:cafe:42:1::', '2001:cafe:42:1:ffff:ffff:ffff:ffff'],
    ['FD00::/48', 'fd00::/48', 'fd00::', 'fd00::ffff:ffff:ffff:ffff:ffff'],
    ['::/0', '::/0', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
    ['::1/128', '::1/128', '::1', '::1'],
  ])('%s is read and written', (text, canonical, base, last) => {
    const cidr = requireCidr(text)
    expect(formatCidr(cidr)).toBe(canonical)
    expect(canonicalCidr(text)).toBe(canonical)
    expect(baseAddress(text)).toBe(base)
    expect(formatAddress({ family: cidr.family, value: lastAddress(cidr) })).toBe(last)
  })

  it.each([
    '',
    '/',
    '/24',
    '10.5.0.0',
    '10.5.0.0/',
    '10.5.0.0/33',
    '10.5.0.0/-1',
    '10.5.0.0/08',
    '10.5.0.0/ 8',
    '10.5.0.0/8 ',
    '10.5.0.0/8.0',
    '10.5.0.0/1e1',
    '10.5.0.0/16/16',
    '10.5/16',
    '::/129',
    'fe80::1%eth0/64',
  ])('%j is none', (text) => {
    expect(parseCidr(text)).toBeUndefined()
    expect(() => canonicalCidr(text)).toThrow(TypeError)
    expect(() => requireCidr(text)).toThrow(`'${text}' is not a CIDR such as 10.244.0.0/16`)
  })

  it.each<[cidr: string, offset: bigint, address: string]>([
    ['10.5.52.0/24', 0n, '10.5.52.0'],
    ['10.5.52.0/24', 1n, '10.5.52.1'],
    ['10.5.52.0/24', 256n, '10.5.53.0'],
    ['2001:cafe:42:1::/64', 1n, '2001:cafe:42:1::1'],
    ['2001:cafe:42:1::/64', 1n << 64n, '2001:cafe:42:2::'],
  ])('%s, %i further is %s', (cidr, offset, address) => {
    expect(addressAt(cidr, offset)).toBe(address)
  })
})

describe('what lies in what', () => {
  it.each<[outer: string, inner: string, contained: boolean, overlapping: boolean]>([
    ['10.5.0.0/16', '10.5.0.0/16', true, true],
    ['10.5.0.0/16', '10.5.0.0/24', true, true],
    ['10.5.0.0/16', '10.5.255.255/32', true, true],
    ['10.5.0.0/16', '10.6.0.0/24', false, false],
    ['10.5.0.0/16', '10.4.255.0/24', false, false],
    ['10.5.0.0/24', '10.5.0.0/16', false, true],
    ['0.0.0.0/0', '255.255.255.255/32', true, true],
    ['fd00::/48', 'fd00:0:0:ffff::/64', true, true],
    ['fd00::/48', 'fd00:0:1::/64', false, false],
    // The same bits in the other family.
    ['0.0.0.0/0', '::/0', false, false],
    ['::/0', '0.0.0.0/0', false, false],
  ])('%s and %s', (outer, inner, contained, overlapping) => {
    expect(contains(requireCidr(outer), requireCidr(inner))).toBe(contained)
    expect(overlaps(requireCidr(outer), requireCidr(inner))).toBe(overlapping)
    expect(overlaps(requireCidr(inner), requireCidr(outer))).toBe(overlapping)
  })

  it.each<[network: string, address: string, inside: boolean]>([
    ['192.168.64.0/24', '192.168.64.0', true],
    ['192.168.64.0/24', '192.168.64.255', true],
    ['192.168.64.0/24', '192.168.65.0', false],
    ['192.168.64.3/32', '192.168.64.3', true],
    ['2001:db8::/64', '2001:db8::ffff', true],
    ['2001:db8::/64', '2001:db8:0:1::', false],
    ['2001:db8::/64', '192.168.64.3', false],
    ['0.0.0.0/0', 'not an address', false],
  ])('%s and the address %s', (network, address, inside) => {
    expect(containsAddress(network, address)).toBe(inside)
  })

  it('is what a bitwise comparison says', () => {
    const bits = (text: string): string => requireCidr(text).base.toString(2).padStart(32, '0')
    for (let length = 0; length <= 32; length += 1) {
      const outer = formatCidr(cidrOf({ family: 4, value: 0xc0a84007n }, length))
      for (const inner of [
        '192.168.64.7/32',
        '192.168.64.6/32',
        '192.168.0.0/32',
        '64.168.64.7/32',
        '0.0.0.0/32',
      ]) {
        const same = bits(outer).slice(0, length) === bits(inner).slice(0, length)
        expect(contains(requireCidr(outer), requireCidr(inner)), `${inner} in ${outer}`).toBe(same)
      }
    }
  })
})
