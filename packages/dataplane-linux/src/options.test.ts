import { expect, it } from 'vitest'
import { linux } from './driver.js'
import type { LinkType } from './link-types/index.js'
import { readOptions } from './options.js'

it('has defaults', () => {
  expect(readOptions({})).toMatchObject({
    namespace: undefined,
    interfaces: [],
    routeProtocol: 157,
    nexthopThreshold: 256,
  })
  expect(readOptions({ interface: 'eth0' }).interfaces).toEqual(['eth0'])
  expect(readOptions({ interface: [/e/, 'eth0'] }).interfaces).toEqual([/e/, 'eth0'])
})

it('knows vxlan, IP tunnels, tun and wireguard, and takes further link types, each name once', () => {
  const gre: LinkType = { name: 'gre', changeable: [], encode: () => {}, decode: () => ({}) }
  expect([...readOptions({ linkTypes: [gre] }).linkTypes.keys()]).toEqual([
    'vxlan',
    'ipip',
    'ip6tnl',
    'tun',
    'wireguard',
    'gre',
  ])
  expect(() => linux({ linkTypes: [{ ...gre, name: 'vxlan' }] })).toThrow(
    expect.objectContaining({ code: 'INVALID_CONFIG' }),
  )
})

it.each([0, 4, 256, 1.5, Number.NaN])('refuses route protocol %s', (routeProtocol) => {
  expect(() => linux({ routeProtocol })).toThrow(
    expect.objectContaining({ code: 'INVALID_CONFIG', message: expect.stringContaining(`${routeProtocol}`) }),
  )
})

it.each([-1, Number.NaN])('refuses nexthop threshold %s', (nexthopThreshold) => {
  expect(() => linux({ nexthopThreshold })).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
})

it('opens nothing before it is used', async () => {
  await using driver = linux({ namespace: '/run/netns/slv-none' })
  expect(driver.name).toBe('linux')
})
