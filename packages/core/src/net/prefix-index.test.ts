import { describe, expect, it } from 'vitest'
import { overlaps, requireCidr } from './cidr.js'
import { parseAddress } from './ip.js'
import { PrefixIndex } from './prefix-index.js'

const NETWORKS = [
  '10.244.1.0/24',
  '10.244.2.0/24',
  '10.244.2.0/32',
  '10.244.2.128/25',
  '10.0.0.0/8',
  '172.30.0.254/32',
]

function indexOf(networks: readonly string[]): PrefixIndex<string> {
  const index = new PrefixIndex<string>(networks[0]?.includes(':') ? 6 : 4)
  for (const network of networks) index.add(network, network)
  return index
}

function overlapping(index: PrefixIndex<string>, network: string): string[] {
  const found: string[] = []
  index.forEachOverlapping(network, (value) => found.push(value))
  return found.sort()
}

describe('what overlaps a network', () => {
  it.each([
    ...NETWORKS,
    '10.244.0.0/16',
    '10.244.2.0/25',
    '10.244.2.129/32',
    '10.244.3.0/24',
    '11.0.0.0/8',
    '0.0.0.0/0',
    '172.30.0.0/24',
    '172.30.0.254/31',
  ])('%s', (network) => {
    const expected = NETWORKS.filter((other) => overlaps(requireCidr(other), requireCidr(network)))
    expect(overlapping(indexOf(NETWORKS), network)).toEqual(expected.sort())
  })

  it('is found in IPv6', () => {
    const index = indexOf(['fd00:1::/64', 'fd00:2::/64', 'fd00:2::/128', 'fd00::/16'])
    expect(overlapping(index, 'fd00:2::/64')).toEqual(['fd00:2::/128', 'fd00:2::/64', 'fd00::/16'])
    expect(overlapping(index, 'fd00:3::1/128')).toEqual(['fd00::/16'])
    expect(overlapping(index, '::/0')).toHaveLength(4)
  })

  it('is found among many, whichever are more: those there are, or those there could be', () => {
    const many = Array.from({ length: 1000 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`)
    const index = indexOf(many)
    expect(overlapping(index, '10.2.0.0/16')).toHaveLength(256)
    expect(overlapping(index, '10.0.0.0/8')).toHaveLength(1000)
    expect(overlapping(index, '10.3.7.9/32')).toEqual(many.filter((network) => network === '10.3.7.0/24'))
  })
})

it.each<[address: string, networks: string[]]>([
  ['10.244.2.200', ['10.0.0.0/8', '10.244.2.0/24', '10.244.2.128/25']],
  ['10.244.2.0', ['10.0.0.0/8', '10.244.2.0/24', '10.244.2.0/32']],
  ['172.30.0.254', ['172.30.0.254/32']],
  ['192.168.0.1', []],
])('%s lies in %o', (text, networks) => {
  const address = parseAddress(text)
  const found: string[] = []
  if (address !== undefined) indexOf(NETWORKS).forEachContaining(address, (value) => found.push(value))
  expect(found.sort()).toEqual(networks)
})

it('holds several values of one network, until the last is deleted', () => {
  const index = new PrefixIndex<string>(4)
  index.add('10.1.0.0/16', 'a')
  index.add('10.1.0.0/16', 'b')
  index.delete('10.1.0.0/16', 'a')
  index.delete('10.1.0.0/16', 'not there')
  expect(overlapping(index, '10.1.2.0/24')).toEqual(['b'])
  index.delete('10.1.0.0/16', 'b')
  expect(index.isEmpty).toBe(true)
  expect(overlapping(index, '10.1.2.0/24')).toEqual([])
})
