import { describe, expect, it } from 'vitest'
import type { ExternalInterface } from '../contract/node-context.js'
import { isOnLink, whyNotOnLink } from './on-link.js'

const eth0: ExternalInterface = { name: 'eth0', mtu: 1500, onLink: ['192.168.64.0/24', '2001:db8::/64'] }

it.each<[address: string, onLink: boolean]>([
  ['192.168.64.3', true],
  ['192.168.65.3', false],
  ['2001:db8::3', true],
  ['2001:db8:0:1::3', false],
])('%s is on the network of the interface: %s', (address, onLink) => {
  expect(isOnLink(eth0, address)).toBe(onLink)
  expect(isOnLink({ ...eth0, onLink: [] }, address)).toBe(false)
})

describe('whether an address is on the link', () => {
  const via = (network: string) => ({ network, by: `${network} via 172.16.0.9 dev eth0` })
  const host: ExternalInterface = {
    ...eth0,
    onLink: ['172.16.0.0/16', '172.16.9.128/25', '2001:db8::/64'],
    routed: ['172.16.9.0/24', '172.16.7.0/24', '172.16.0.5/32', '2001:db8::5/128'].map(via),
  }

  it.each([
    ['172.16.1.1', true],
    ['172.16.7.1', false],
    ['172.16.9.1', false],
    ['172.16.9.129', true],
    ['172.16.0.5', false],
    ['172.17.0.1', false],
    ['2001:db8::4', true],
    ['2001:db8::5', false],
  ])('%s: %s, by the longest prefix', (address, expected) => expect(isOnLink(host, address)).toBe(expected))

  it('is no if the same network is routed elsewhere, in whatever order they are named', () => {
    const [both] = eth0.onLink
    expect(isOnLink({ ...eth0, routed: eth0.onLink.map(via) }, '192.168.64.3')).toBe(false)
    expect(isOnLink({ ...eth0, onLink: [], routed: [via(both ?? '')] }, '192.168.64.3')).toBe(false)
  })

  it.each([
    [
      '172.16.9.1',
      '172.16.9.1 is on the network of eth0 (172.16.0.0/16, 172.16.9.128/25, 2001:db8::/64), ' +
        'but the host routes it by 172.16.9.0/24 via 172.16.0.9 dev eth0',
    ],
    [
      '172.17.0.1',
      '172.17.0.1 is not on the network of eth0 (172.16.0.0/16, 172.16.9.128/25, 2001:db8::/64)',
    ],
    ['172.16.1.1', undefined],
  ])('is explained for %s: %s', (address, why) => expect(whyNotOnLink(host, address)).toBe(why))

  it('is found as fast among thousands of routes', () => {
    const routed = Array.from({ length: 20_000 }, (_, i) =>
      via(`172.${16 + (i >> 14)}.${(i >> 6) & 255}.${(i & 63) << 2}/30`),
    )
    const wide: ExternalInterface = { ...eth0, onLink: ['172.16.0.0/12'], routed }
    const start = performance.now()
    for (let i = 0; i < 20_000; i += 1) isOnLink(wide, `172.${16 + (i & 3)}.${i & 255}.1`)
    // A scan of all routes for each would take minutes.
    expect(performance.now() - start).toBeLessThan(5_000)
  })
})
