import { FakeKernel } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { type RouteFields, type RouteResource, route } from '../contract/resource.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { OverlayError } from '../util/errors.js'
import { blockPlainRoutes, isPeerRoute } from './plain-routes.js'

const config = parseNetworkConfig({
  Network: '10.244.0.0/16',
  SubnetMax: '10.244.199.0',
  EnableIPv6: true,
  IPv6Network: 'fd00:244::/48',
})
const MAIN = 254

describe('a route that no agent has marked', () => {
  it.each([
    ['10.244.5.0/24', '192.0.2.5', true],
    ['10.244.199.0/24', '192.0.2.5', true],
    ['fd00:244:0:5::/64', 'fd99::5', true],
    // Reserved for what is no node: the range that is leased ends before it, and begins after the first subnet.
    ['10.244.200.0/24', '192.0.2.5', false],
    ['10.244.0.0/24', '192.0.2.5', false],
    // A pod's, a summary, the whole network, another network.
    ['10.244.5.7/32', '192.0.2.5', false],
    ['10.244.4.0/23', '192.0.2.5', false],
    ['10.244.0.0/16', '192.0.2.5', false],
    ['10.245.5.0/24', '192.0.2.5', false],
    ['0.0.0.0/0', '192.0.2.254', false],
    // A bridge's.
    ['10.244.5.0/24', undefined, false],
  ])('to %s by %s is a peer’s: %s', (destination, gateway, expected) => {
    expect(isPeerRoute(config, [])({ type: 'unicast', destination, table: MAIN, gateway })).toBe(expected)
  })

  it('is an operator’s in another table', () => {
    const isPeer = isPeerRoute(config, [])
    const route = { type: 'unicast', destination: '10.244.5.0/24', gateway: '192.0.2.5' } as const
    expect(isPeer({ ...route, table: MAIN })).toBe(true)
    expect(isPeer({ ...route, table: 100 })).toBe(false)
    expect(isPeer({ ...route, type: 'blackhole', table: MAIN })).toBe(false)
  })

  it('is a peer’s, too, if it is as long as a subnet that this node was assigned', () => {
    const assigned = {
      type: 'unicast',
      destination: '10.244.5.128/25',
      table: MAIN,
      gateway: '192.0.2.5',
    } as const
    expect(isPeerRoute(config, [])(assigned)).toBe(false)
    expect(isPeerRoute(config, ['10.244.3.0/25', undefined])(assigned)).toBe(true)
  })
})

const left = { destination: '10.244.5.0/24', device: 'eth0', gateway: '192.0.2.5' }

describe('a start that failed, of a backend that encrypts', () => {
  async function setup(...left: readonly RouteFields[]) {
    const kernel = new FakeKernel({
      interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }, { name: 'wg0' }],
    })
    await kernel.driver().apply(left.map((fields) => ({ type: 'put', resource: route(fields) })))
    const reports: string[] = []
    const block = (sendsPlain: ((route: RouteResource) => boolean | Promise<boolean>) | undefined) =>
      blockPlainRoutes(
        {
          config,
          backend: { type: 'secret', sendsPlain },
          drivers: [kernel.driver()],
          formerNetworks: ['10.99.0.0/16'],
          subnets: [],
          onWarning: (text) => reports.push(text),
          onError: ({ code, message }: OverlayError) => reports.push(`${code}: ${message}`),
        },
        {},
      )
    const routes = () =>
      kernel
        .toText()
        .match(/^.*proto (157|boot|static).*$/gm)
        ?.toSorted() ?? []
    return { kernel, reports, block, routes }
  }
  const throughWg0 = async ({ type, device }: RouteResource) => type === 'unicast' && device !== 'wg0'

  it('has the network’s packets dropped that left in plain, whoever wrote the routes', async () => {
    const { kernel, reports, block, routes } = await setup(
      left,
      { destination: '10.99.7.0/24', device: 'eth0', gateway: '192.0.2.7' },
      { destination: '10.244.6.0/24', type: 'blackhole' },
    )
    kernel.addRoute({ destination: 'fd00:244:0:5::/64', device: 'wg0' })
    kernel.addRoute({ destination: '10.244.8.0/24', device: 'eth0', gateway: '192.0.2.8' })
    kernel.addRoute({
      destination: '10.244.9.0/24',
      device: 'eth0',
      gateway: '192.0.2.9',
      protocol: 'static',
    })
    await block(throughWg0)
    expect(routes()).toEqual([
      '10.244.9.0/24 via 192.0.2.9 dev eth0 proto static',
      'blackhole 10.244.0.0/16 proto 157 metric 4294967295',
      'blackhole 10.244.6.0/24 proto 157',
      'blackhole fd00:244::/48 proto 157 metric 4294967295',
      'fd00:244:0:5::/64 dev wg0 proto boot metric 1024',
    ])
    expect(reports).toEqual([expect.stringMatching(/secret encrypts, .*10\.244\.5\.0\/24.* are dropped/)])
    await block(throughWg0)
    expect(reports).toHaveLength(1)
  })

  it('never leaves a packet to the default route in between', async () => {
    const { kernel, block } = await setup(left)
    const from = kernel.requests.length
    await block(throughWg0)
    const writes = kernel.requests.slice(from).filter(({ type }) => type !== 'snapshot')
    expect(writes.map(({ type }) => type)).toEqual(['put', 'put', 'delete'])
  })

  it('changes nothing if nothing left in plain: an earlier run’s tunnel goes on', async () => {
    const { kernel, block, reports } = await setup({ destination: '10.244.0.0/16', device: 'wg0' })
    const before = kernel.toText()
    await block(throughWg0)
    expect(kernel.toText()).toBe(before)
    expect(reports).toEqual([])
  })

  it('changes nothing if the backend does not encrypt', async () => {
    const { kernel, block } = await setup(left)
    const before = kernel.toText()
    await block(undefined)
    expect(kernel.toText()).toBe(before)
  })

  it('keeps the routes while packets cannot be dropped, and reports it', async () => {
    const { kernel, block, reports, routes } = await setup(left)
    kernel.fail({ errno: 'EPERM', times: 1 })
    await block(throughWg0)
    expect(routes().join()).toContain('10.244.5.0/24 via')
    expect(reports).toEqual([expect.stringContaining('EPERM')])
    await block(throughWg0)
    expect(routes().join()).not.toContain('10.244.5.0/24 via')
  })

  it('rejects with the reason of its signal', async () => {
    const { kernel } = await setup(left)
    const reason = new OverlayError('CLOSED', 'enough')
    const options = { signal: AbortSignal.abort(reason) }
    const blocked = blockPlainRoutes(
      {
        config,
        backend: { type: 'secret', sendsPlain: throughWg0 },
        drivers: [kernel.driver()],
        formerNetworks: [],
        subnets: [],
        onWarning: () => undefined,
        onError: () => undefined,
      },
      options,
    )
    await expect(blocked).rejects.toBe(reason)
  })
})
