import { address, fdb, neighbour, route } from '@selvedge/core/kit'
import { expect, it } from 'vitest'
import type { RouteMessage } from '../rtnetlink/index.js'
import {
  addressResource,
  fdbResource,
  neighbourResource,
  routeKeyOf,
  routeResource,
} from './kernel-resources.js'

const MAC = '02:bb:00:00:00:01'

it.each(['10.1.2.0', 'fd00:0:0:1::', '::1'])('resources of %s equal the core’s', (ip) => {
  expect(addressResource('flannel.1', ip, 32)).toEqual(
    address({ link: 'flannel.1', address: ip, prefixLength: 32 }),
  )
  expect(neighbourResource('flannel.1', ip, MAC)).toEqual(
    neighbour({ link: 'flannel.1', address: ip, macAddress: MAC }),
  )
  for (const macAddress of [MAC, '00:00:00:00:00:00', '01:00:5e:00:00:01', '33:33:00:00:00:01']) {
    expect(fdbResource('flannel.1', macAddress, ip)).toEqual(
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
] as const)('a route %s equals the core’s', (_, decoded, nexthop, fields) => {
  const made = routeResource(decoded, nexthop, nameOf)
  expect(made).toEqual(route({ ...key, ...fields }))
  expect(Object.keys(made)).toEqual(Object.keys(route({ ...key, ...fields })))
  expect(routeKeyOf(decoded)).toBe(made.key)
})

it('an IPv6 route equals the core’s', () => {
  const decoded = {
    ...message,
    family: 10,
    destination: 'fd00:1::/64',
    tos: 0,
    priority: 1024,
    gateway: 'fd00:1::',
  }
  expect(routeResource(decoded, undefined, nameOf)).toEqual(
    route({ destination: 'fd00:1::/64', device: 'flannel.1', gateway: 'fd00:1::', onLink: true }),
  )
})
