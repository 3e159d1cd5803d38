import { seededRandom } from '@selvedge/conformance'
import { containsAddress, formatCidr, parseAddress, requireCidr } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { sampleAddresses } from './sample-addresses.js'

const samples = (networks: readonly string[], taken: readonly string[] = []): Record<string, string> =>
  Object.fromEntries(
    sampleAddresses(networks.map(requireCidr), new Set(taken.map((text) => parseAddress(text)?.value ?? 0n))),
  )

describe('an address of each network', () => {
  it.each<[what: string, networks: string[], expected: Record<string, string>]>([
    ['alone', ['172.16.0.0/16'], { '172.16.0.0/16': '172.16.0.1' }],
    [
      'with smaller ones inside',
      ['172.16.9.0/24', '172.16.0.0/16', '172.16.0.0/24', '172.16.9.0/25'],
      {
        '172.16.0.0/16': '172.16.1.0',
        '172.16.0.0/24': '172.16.0.1',
        '172.16.9.0/24': '172.16.9.128',
        '172.16.9.0/25': '172.16.9.1',
      },
    ],
    [
      'of which one is filled by its halves',
      ['10.0.0.0/24', '10.0.0.0/25', '10.0.0.128/25'],
      { '10.0.0.0/25': '10.0.0.1', '10.0.0.128/25': '10.0.0.129' },
    ],
    [
      'of two addresses, and of one',
      ['10.0.0.0/31', '10.0.0.9/32'],
      { '10.0.0.0/31': '10.0.0.0', '10.0.0.9/32': '10.0.0.9' },
    ],
    ['of IPv6', ['fd00::/64', 'fd00::/127'], { 'fd00::/64': 'fd00::2', 'fd00::/127': 'fd00::' }],
    ['at the end of all addresses', ['255.255.255.0/24'], { '255.255.255.0/24': '255.255.255.1' }],
  ])('%s', (_what, networks, expected) => expect(samples(networks)).toEqual(expected))

  it('is none that is taken', () => {
    expect(samples(['10.0.0.0/30', '10.9.0.5/32'], ['10.0.0.1', '10.9.0.5'])).toEqual({
      '10.0.0.0/30': '10.0.0.2',
    })
  })

  it('is in no smaller network, whatever they are', () => {
    const random = seededRandom(7)
    for (let round = 0; round < 500; round += 1) {
      const networks = Array.from({ length: 12 }, () => {
        const length = 22 + Math.floor(random() * 11)
        return formatCidr(
          requireCidr(`10.0.${Math.floor(random() * 4)}.${Math.floor(random() * 256)}/${length}`),
        )
      })
      const lengthOf = (network: string): number => requireCidr(network).length
      for (const [network, address] of Object.entries(samples(networks))) {
        const longest = networks
          .filter((other) => containsAddress(other, address))
          .sort((a, b) => lengthOf(b) - lengthOf(a))[0]
        expect(longest, `${address} among ${networks.join(' ')}`).toBe(network)
      }
    }
  })
})
