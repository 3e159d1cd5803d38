import { address, fdb, neighbour, route } from '@selvedge/core/kit'
import { expect, it } from 'vitest'
import { routeKey, routeResource } from '../cache/ownership.js'
import type { RouteMessage } from '../netlink/index.js'
import { heldAddress, heldForwarding, heldNeighbour, heldRoute } from './kernel-resources.js'

const MAC = '02:bb:00:00:00:01'

it.each(['10.1.2.0', 'fd00:0:0:1::', '::1'])('what is made of %s is what the core makes of it', (ip) => {
  expect(heldAddress('flannel.1', ip, 32)).toEqual(
    address({ link: 'flannel.1', address: ip, prefixLength: 32 }),
  )
  expect(heldNeighbour('flannel.1', ip, MAC)).toEqual(
    neighbour({ link: 'flannel.1', address: ip, macAddress: MAC }),
  )
  for (const macAddress of [MAC, '00:00:00:00:00:00', '01:00:5e:00:00:01', '33:33:00:00:00:01']) {
    expect(heldForwarding('flannel.1', macAddress, ip)).toEqual(
      fdb({ link: 'flannel.1', macAddress, destination: ip }),
    )
  }
})

const message: RouteMessage = {
  family: 2,
  destination: '10.1.2.0/24',
  tos: 8,
  table: 254,
  protocol: 157,
  scope: 0,
  type: 1,
  flags: 4,
  priority: 7,
  source: undefined,
  nexthopId: 0,
  oif: 3,
  gateway: '10.1.2.0',
  paths: [],
}
const nameOf = (index: number) => (index === 3 ? 'flannel.1' : undefined)
const key = { destination: '10.1.2.0/24', table: 254, tos: 8, metric: 7 }

it.each([
  ['inline', message, undefined, { device: 'flannel.1', gateway: '10.1.2.0', onLink: true }],
  ['without a gateway', { ...message, gateway: undefined, flags: 0 }, undefined, { device: 'flannel.1' }],
  [
    'through a nexthop object',
    { ...message, oif: 0, gateway: undefined, flags: 0, nexthopId: 9 },
    { id: 9, family: 2, protocol: 157, flags: 4, oif: 3, gateway: '10.1.2.9', special: false },
    { device: 'flannel.1', gateway: '10.1.2.9', onLink: true },
  ],
  ['to a blackhole', { ...message, type: 6, oif: 1, gateway: undefined }, undefined, { type: 'blackhole' }],
  ['of several paths', { ...message, paths: [message, message] }, undefined, {}],
] as const)('a route %s is what the core makes of it', (_, told, nexthop, fields) => {
  const made = routeResource(told, nexthop, nameOf)
  expect(made).toEqual(route({ ...key, ...fields }))
  expect(Object.keys(made)).toEqual(Object.keys(route({ ...key, ...fields })))
  expect(routeKey(told)).toBe(made.key)
})

it('an IPv6 route is what the core makes of it', () => {
  const told = {
    ...message,
    family: 10,
    destination: 'fd00:1::/64',
    tos: 0,
    priority: 1024,
    gateway: 'fd00:1::',
  }
  expect(routeResource(told, undefined, nameOf)).toEqual(
    route({ destination: 'fd00:1::/64', device: 'flannel.1', gateway: 'fd00:1::', onLink: true }),
  )
})

it('made in any order of fields, a route is made in the core’s', () => {
  const { kind: _kind, key: made, ...fields } = route({ destination: '10.0.0.0/8' })
  expect(heldRoute(made, fields)).toEqual(route({ destination: '10.0.0.0/8' }))
})
