import { describe, expect, it } from 'vitest'
import type { RouteMessage } from '../rtnetlink/index.js'
import { Ownership } from './ownership.js'

const ownership = new Ownership({ aliases: [], links: [], networks: ['10.244.0.0/16', 'fd00:244::/48'] }, 157)

const ROUTE: RouteMessage = {
  family: 2,
  destination: '10.244.1.0/24',
  tos: 0,
  table: 254,
  protocol: 157,
  scope: 0,
  type: 1,
  flags: 0,
  priority: 0,
  source: undefined,
  nexthopId: 0,
  oif: 3,
  gateway: undefined,
  paths: [],
}

describe('isInside', () => {
  it.each([
    ['10.244.0.0/16', true],
    ['10.244.255.255/32', true],
    ['10.244.1.0/24', true],
    ['10.240.0.0/12', false],
    ['10.245.0.0/24', false],
    ['10.243.255.0/24', false],
    ['0.0.0.0/0', false],
    ['224.0.0.0/4', false],
    ['fd00:244:0:7::/64', true],
    ['fd00:245::/64', false],
    ['::/0', false],
  ])('%s: %s', (destination, expected) => expect(ownership.isInside(destination)).toBe(expected))

  it('of everything, everything is', () => {
    const all = new Ownership({ aliases: [], links: [], networks: ['0.0.0.0/0'] }, 157)
    expect(all.isInside('255.255.255.255/32')).toBe(true)
    expect(all.isInside('::1/128')).toBe(false)
  })
})

describe('an address that must stay reachable', () => {
  const reachable = ['172.30.0.254', 'fd30::254']
  const own = new Ownership({ aliases: [], links: [], networks: [], reachable }, 157)
  it.each([
    ['172.30.0.254/32', 157, true],
    ['172.30.0.0/24', 157, true],
    ['172.30.0.0/24', 3, false],
    ['172.30.1.0/24', 157, false],
    ['fd30::/64', 157, true],
    ['fd31::/64', 157, false],
  ])('%s of protocol %i: %s', (destination, protocol, expected) =>
    expect(own.isOwn({ ...ROUTE, destination, protocol }, false)).toBe(expected),
  )
})

describe('isOwnAddress', () => {
  it.each([
    ['10.244.1.0', true],
    ['172.31.9.1', false],
    ['fd00:244::1', true],
    ['fd99::1', true],
    ['fe80::1', false],
  ])('%s: %s', (address, expected) => expect(ownership.isOwnAddress(address)).toBe(expected))
})

describe('isOwn', () => {
  it.each([
    ['ours, inside', ROUTE, false, true],
    ['ours, outside', { ...ROUTE, destination: '172.16.0.0/12' }, false, false],
    ['ours, outside, through our link', { ...ROUTE, destination: '172.16.0.0/12' }, true, true],
    ['of another protocol', { ...ROUTE, protocol: 3 }, true, false],
    ['the kernel’s', { ...ROUTE, protocol: 2 }, true, false],
    ['a blackhole of ours', { ...ROUTE, type: 6 }, false, true],
    ['a local address', { ...ROUTE, type: 2 }, true, false],
  ])('%s', (_, message, throughOwnLink, expected) => {
    expect(ownership.isOwn(message, throughOwnLink)).toBe(expected)
  })
})
