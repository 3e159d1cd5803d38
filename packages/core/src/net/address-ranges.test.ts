import { describe, expect, it } from 'vitest'
import {
  NamedRanges,
  rangeContains,
  rangeOfAddress,
  rangeOfNetwork,
  rangesOverlap,
} from './address-ranges.js'

describe('a range that overlaps', () => {
  const networks = ['192.168.64.0/24', '192.168.64.2/32', '10.0.0.1/32', '172.17.0.0/16', '192.168.65.0/24']
  const ranges = new NamedRanges(networks.map((text) => [rangeOfNetwork(text), text]))

  it.each<[network: string, found: string | undefined]>([
    ['10.0.0.0/24', '10.0.0.1/32'],
    ['10.0.0.1/32', '10.0.0.1/32'],
    ['10.0.0.2/32', undefined],
    ['172.17.5.0/24', '172.17.0.0/16'],
    ['172.16.0.0/12', '172.17.0.0/16'],
    ['172.18.0.0/16', undefined],
    ['192.168.64.128/25', '192.168.64.0/24'],
    ['192.168.65.7/32', '192.168.65.0/24'],
    ['192.168.66.0/24', undefined],
    ['0.0.0.0/0', '192.168.64.0/24'],
    ['9.0.0.0/8', undefined],
    ['224.0.0.0/4', undefined],
  ])('%s: %s', (network, found) => {
    expect(ranges.overlapping(rangeOfNetwork(network))).toBe(found)
  })

  it('is found in IPv6', () => {
    const ipv6 = new NamedRanges([
      [rangeOfNetwork('fd77::/64'), 'the LAN'],
      [rangeOfAddress('fd30::254'), 'etcd'],
    ])
    expect(ipv6.overlapping(rangeOfNetwork('fd77::8000:0:0:0/65'))).toBe('the LAN')
    expect(ipv6.overlapping(rangeOfNetwork('fd00::/8'))).toBe('the LAN')
    expect(ipv6.overlapping(rangeOfAddress('fd30::254'))).toBe('etcd')
    expect(ipv6.overlapping(rangeOfNetwork('fd31::/16'))).toBeUndefined()
  })

  it('is not there among none', () => {
    expect(new NamedRanges([]).overlapping(rangeOfNetwork('10.0.0.0/8'))).toBeUndefined()
  })
})

it.each<[a: string, b: string, overlap: boolean, contains: boolean]>([
  ['10.0.0.0/8', '10.1.0.0/16', true, true],
  ['10.1.0.0/16', '10.0.0.0/8', true, false],
  ['10.1.0.0/16', '10.2.0.0/16', false, false],
  ['255.255.255.0/24', '255.255.255.255/32', true, true],
  ['fd00::/16', 'fd00:1::/32', true, true],
  ['fd00::/16', 'fd01::/32', false, false],
])('%s and %s: overlap %s, contains %s', (a, b, overlap, contains) => {
  expect(rangesOverlap(rangeOfNetwork(a), rangeOfNetwork(b))).toBe(overlap)
  expect(rangeContains(rangeOfNetwork(a), rangeOfNetwork(b))).toBe(contains)
})

it('an address that is none has no range', () => {
  expect(() => rangeOfAddress('10.1')).toThrow(TypeError)
})
