import type { Operation, Resource } from '@selvedge/core'
import { address, fdb, link, neighbour, route } from '@selvedge/core/kit'
import { expect, test } from 'vitest'
import { removalLines } from './lines.js'
import { isOf } from './own-lease.js'

const linesOf = (...resources: readonly Resource[]): readonly string[] =>
  removalLines(resources.map((resource): Operation => ({ type: 'delete', resource })))

test('what goes with a link is counted in its line, however much it is', () => {
  const peers = Array.from({ length: 5_000 }, (_, index) => `10.${100 + (index >> 8)}.${index & 255}.0`)
  const lines = linesOf(
    ...peers.flatMap((base) => [
      route({ destination: `${base}/24`, device: 'flannel.1', gateway: base, onLink: true }),
      neighbour({ link: 'flannel.1', address: base, macAddress: 'aa:00:00:00:00:01' }),
    ]),
    fdb({ link: 'flannel.1', macAddress: 'aa:00:00:00:00:01', destination: '192.0.2.7' }),
    address({ link: 'flannel.1', address: '10.244.3.0', prefixLength: 32 }),
    link({ name: 'flannel.1', type: 'vxlan' }),
  )
  expect(lines).toEqual(['link flannel.1, vxlan, with 5000 routes, 5000 neighbours, 1 fdb entry, 1 address'])
})

test('everything else has a line of its own', () => {
  expect(
    linesOf(
      route({ destination: '10.244.5.0/24', device: 'eth0', gateway: '192.0.2.5' }),
      route({ destination: '10.244.3.0/24', type: 'blackhole', metric: 7, table: 99 }),
      { kind: 'ruleset', key: 'ruleset iptables ipv4 blue' },
      { kind: 'ike-daemon', key: 'ike-daemon' },
      { kind: 'xfrm-policy', key: 'xfrm-policy out 10.244.3.0/24 10.244.5.0/24' },
    ),
  ).toEqual([
    'route 10.244.5.0/24 via 192.0.2.5 dev eth0',
    'route blackhole 10.244.3.0/24 table 99',
    'traffic rules by iptables ipv4 blue',
    'process charon, which an agent started',
    'xfrm-policy out 10.244.3.0/24 10.244.5.0/24',
  ])
})

test.each<[string, readonly string[], readonly string[], boolean]>([
  ['its address and its subnet', ['192.0.2.7'], ['10.244.3.1/24'], true],
  ['its address, if no subnet is known', ['192.0.2.7'], [], true],
  ['its IPv6 address', ['2001:db8::7'], ['10.244.3.1/24'], true],
  ['its address, and another subnet', ['192.0.2.7'], ['10.244.4.1/24'], false],
  ['its subnet, and another address', ['192.0.2.8'], ['10.244.3.1/24'], false],
])('a lease is this host’s by %s: %#', (_, addresses, subnets, expected) => {
  const attributes = { publicIp: '192.0.2.7', publicIpv6: '2001:db8::7' }
  expect(isOf([...addresses, undefined], subnets)({ subnet: '10.244.3.0/24', attributes })).toBe(expected)
})
