import { hostGw } from '@selvedge/backend-hostgw'
import { type FakeRequest, MemoryDriver } from '@selvedge/conformance'
import { MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect } from 'vitest'
import { CONFIG, it as test } from '../../tests/overlay-fixture.js'
import type { Backend } from '../contract/backend.js'
import { address, link, neighbour, type RouteResource, route } from '../contract/resource.js'
import { baseAddress } from '../net/cidr.js'
import { OverlayError } from '../util/errors.js'
import { networkBlackhole } from './blackhole-route.js'

const NETWORK = '10.244.0.0/16'
const TUNNEL = `${NETWORK} dev wg0 proto 157`
const DROPPED = `blackhole ${NETWORK} proto 157 metric 4294967295`

const sendsPlain = ({ type, device }: RouteResource): boolean => type === 'unicast' && device !== 'wg0'

/** One tunnel for the whole network, and for each peer an entry on it. */
const secret: Backend = {
  type: 'secret',
  sendsPlain,
  mtu: () => 1400,
  attributes: ({ publicIp }) => ({ publicIp, backendType: 'secret' }),
  local: ({ lease }) => [
    link({ name: 'wg0', type: 'tun' }),
    address({ link: 'wg0', address: baseAddress(`${lease.subnet}`), prefixLength: 32 }),
    route({ destination: NETWORK, device: 'wg0' }),
    networkBlackhole(NETWORK),
  ],
  peer: ({ subnet, attributes }) =>
    attributes.backendType === 'secret'
      ? [neighbour({ link: 'wg0', address: baseAddress(`${subnet}`), macAddress: '02:00:00:00:00:07' })]
      : [],
}

const isLink = (request: FakeRequest) => request.type !== 'snapshot' && request.resource.kind === 'link'

const it = test
  .extend(
    'routes',
    ({ kernel }) =>
      () =>
        kernel.toText().match(/^.*10\.244\.\S+ .*proto \w+.*$/gm) ?? [],
  )
  .extend(
    'encrypt',
    ({ store }) =>
      () =>
        store.setNetworkConfig({ ...CONFIG, Backend: { Type: 'secret' } }),
  )
  /** An overlay with this backend has run, and its process has ended. */
  .extend('ran', ({ store, running }) => async (backend?: Backend) => {
    if (backend !== undefined) store.setNetworkConfig({ ...CONFIG, Backend: { Type: backend.type } })
    const overlay = await running(backend === undefined ? {} : { backend })
    await overlay.stop()
  })
  /** A store that never gets to a list of all leases. */
  .extend('unlisted', ({ store, clock }) => () => {
    const subnets = new MemorySubnetManager(store)
    subnets.watchLeases = async function* ({ signal }) {
      for (const lease of store.leases) yield { type: 'put', lease }
      await clock.sleep(Number.POSITIVE_INFINITY, { signal }).catch(() => undefined)
    }
    return subnets
  })

/** What commands of another backend have done. */
const commands = {
  type: 'commands',
  load: () => Promise.reject(new Error('it is not chosen')),
  async leftovers() {
    const held = new MemoryDriver({ name: 'commands', kinds: ['command'] })
    await held.apply([{ type: 'put', resource: { kind: 'command', key: 'command 10.244.2.0/24' } }])
    driversOfCommands.push(held)
    return [held]
  },
}
const driversOfCommands: MemoryDriver[] = []

describe('a backend that encrypts', () => {
  it('removes what another left before all leases are known, and only then', async ({
    clock,
    kernel,
    join,
    ran,
    encrypt,
    unlisted,
    compose,
    routes,
  }) => {
    join(2)
    join(3)
    await ran()
    expect(routes()).toContain('10.244.2.0/24 via 10.244.2.0 dev flannel.1 proto 157 onlink')
    encrypt()
    const from = kernel.requests.length
    void compose({ backend: secret, subnets: unlisted() })
      .start()
      .catch(() => undefined)
    await clock.settle()
    expect(routes()).toEqual([TUNNEL, DROPPED])
    // Of the former device nothing but the routes: it carries no packet any more.
    expect(kernel.toText()).toContain('flannel.1 UP')
    const writes = kernel.requests.slice(from).filter(({ type }) => type !== 'snapshot')
    const order = writes.map((request) =>
      'resource' in request ? `${request.type} ${request.resource.key}` : '',
    )
    // No packet finds the default route in between.
    expect(order.indexOf(`put route 254 ${NETWORK} 0 0`)).toBeLessThan(
      order.indexOf('delete route 254 10.244.2.0/24 0 0'),
    )
  })

  it('undoes what commands have done before all leases are known; another waits until they are', async ({
    clock,
    store,
    encrypt,
    unlisted,
    compose,
    running,
  }) => {
    const left = () => driversOfCommands.at(-1)?.resources.length
    const start = (backend: Backend) => {
      const backends = [backend, commands]
      void compose({ backend: undefined, backends, subnets: unlisted() })
        .start()
        .catch(() => undefined)
    }
    store.setNetworkConfig({ ...CONFIG, Backend: { Type: 'host-gw' } })
    start(hostGw())
    await clock.settle()
    expect(left()).toBe(1)
    await running({ backend: undefined, backends: [hostGw(), commands] })
    expect(left()).toBe(0)
    encrypt()
    start(secret)
    await clock.settle()
    expect(left()).toBe(0)
  })

  it('starts though another cannot say what it has left', async ({ encrypt, compose, routes }) => {
    encrypt()
    const errors: string[] = []
    const leftovers = () => Promise.reject(new Error('not to be read'))
    const overlay = compose({ backend: undefined, backends: [{ ...commands, leftovers }, secret] })
    overlay.on('error', ({ message }) => errors.push(message))
    await overlay.start()
    expect(routes()).toEqual([TUNNEL, DROPPED])
    expect(errors).toEqual([expect.stringContaining('not to be read')])
  })

  it('removes the device, too, once they are', async ({ kernel, join, ran, encrypt, running, routes }) => {
    join(2)
    await ran()
    encrypt()
    await running({ backend: secret })
    expect(routes()).toEqual([TUNNEL, DROPPED])
    expect(kernel.toText()).not.toContain('flannel.1')
  })

  it('removes what leads to peers without a device, and what flanneld left', async ({
    clock,
    kernel,
    ran,
    encrypt,
    unlisted,
    compose,
    routes,
  }) => {
    await ran(hostGw())
    await kernel.driver().apply([
      {
        type: 'put',
        resource: route({ destination: '10.244.4.0/24', gateway: '192.0.2.4', device: 'eth0' }),
      },
    ])
    kernel.addRoute({ destination: '10.244.5.0/24', gateway: '192.0.2.5' })
    kernel.addRoute({ destination: '10.244.6.0/25', gateway: '192.0.2.6' })
    encrypt()
    void compose({ backend: secret, subnets: unlisted() })
      .start()
      .catch(() => undefined)
    await clock.settle()
    expect(routes()).toEqual(['10.244.6.0/25 via 192.0.2.6 dev eth0 proto boot', TUNNEL, DROPPED].sort())
    kernel.addRoute({ destination: '10.244.5.0/24', gateway: '192.0.2.5' })
    await clock.advance(1_000)
    expect(routes().join()).not.toContain('10.244.5.0/24')
  })

  it('keeps all of its own at a restart until all leases are known', async ({
    clock,
    store,
    kernel,
    encrypt,
    ran,
    unlisted,
    compose,
  }) => {
    encrypt()
    store.reserve({ subnet: '10.244.2.0/24', attributes: { publicIp: '192.0.2.2', backendType: 'secret' } })
    await ran(secret)
    expect(kernel.toText()).toContain('10.244.2.0 dev wg0 lladdr 02:00:00:00:00:07')
    const subnets = unlisted()
    subnets.watchLeases = async function* ({ signal }) {
      yield* []
      await clock.sleep(Number.POSITIVE_INFINITY, { signal }).catch(() => undefined)
    }
    const before = kernel.toText()
    void compose({ backend: secret, subnets })
      .start()
      .catch(() => undefined)
    await clock.settle()
    expect(kernel.toText()).toBe(before)
  })

  it('has packets dropped while its own device cannot be made', async ({
    kernel,
    join,
    ran,
    encrypt,
    compose,
    routes,
  }) => {
    join(2)
    await ran()
    encrypt()
    const fault = kernel.fail({ when: isLink, errno: 'EOPNOTSUPP', times: Number.POSITIVE_INFINITY })
    await expect(compose({ backend: secret }).start()).rejects.toMatchObject({ code: 'DRIVER_REFUSED' })
    expect(routes()).toEqual([DROPPED])
    fault.stop()
    await compose({ backend: secret }).start()
    expect(routes()).toEqual([TUNNEL, DROPPED])
  })

  it.for([
    ['its loader fails', { load: () => Promise.reject(new OverlayError('UNSUPPORTED', 'no program')) }],
    ['the kernel lacks what it requires', { load: async () => ({ ...secret, requires: ['wg'] }) }],
  ] as const)('has packets dropped if %s', async ([, loader], { join, ran, encrypt, compose, routes }) => {
    join(2)
    await ran()
    encrypt()
    const warnings: string[] = []
    const overlay = compose({ backend: { type: 'secret', sendsPlain, ...loader } })
    overlay.on('warning', (text) => warnings.push(text))
    await expect(overlay.start()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    expect(routes()).toEqual([DROPPED])
    expect(warnings).toEqual([expect.stringContaining('10.244.2.0/24')])
  })

  it('has packets dropped while it gets no lease, and not if it has run before', async ({
    store,
    join,
    ran,
    encrypt,
    compose,
    routes,
  }) => {
    join(2)
    await ran()
    encrypt()
    const full = () => {
      const subnets = new MemorySubnetManager(store)
      subnets.acquireLease = () => Promise.reject(new OverlayError('SUBNETS_EXHAUSTED', 'full'))
      return subnets
    }
    await expect(compose({ backend: secret, subnets: full() }).start()).rejects.toThrow('full')
    expect(routes()).toEqual([DROPPED])
    await ran(secret)
    await expect(compose({ backend: secret, subnets: full() }).start()).rejects.toThrow('full')
    expect(routes()).toEqual([TUNNEL, DROPPED])
  })
})

it('a backend that does not encrypt removes nothing before all leases are known', async ({
  clock,
  store,
  kernel,
  join,
  ran,
  unlisted,
  compose,
  routes,
}) => {
  join(2)
  await ran()
  kernel.addRoute({ destination: '10.244.5.0/24', gateway: '192.0.2.5' })
  store.setNetworkConfig({ ...CONFIG, Backend: { Type: 'host-gw' } })
  const before = routes()
  void compose({ backend: hostGw(), subnets: unlisted() })
    .start()
    .catch(() => undefined)
  await clock.settle()
  expect(routes()).toEqual(before)
})
