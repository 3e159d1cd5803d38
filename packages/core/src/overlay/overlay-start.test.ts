import { vxlan } from '@selvedge/backend-vxlan'
import { FakeKernel } from '@selvedge/conformance'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect, vi } from 'vitest'
import { CONFIG, it } from '../../tests/overlay-fixture.js'
import type { GetConfigOptions } from '../contract/subnet-manager.js'
import { OverlayError } from '../util/errors.js'

describe('start', () => {
  it('changes nothing without privileges, and names what is missing', async ({ store, compose }) => {
    const kernel = new FakeKernel({ privileged: false })
    const overlay = compose({ drivers: [kernel.driver()] })
    await expect(overlay.start()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(store.leases).toEqual([])
    expect(kernel.writes).toEqual([])
  })

  it('refuses a network of another backend before it changes anything', async ({ store, compose }) => {
    store.setNetworkConfig({ ...CONFIG, Backend: { Type: 'host-gw' } })
    await expect(compose().start()).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    expect(store.leases).toEqual([])
  })

  it('refuses an interface without an address of a family of the network', async ({ store, compose }) => {
    store.setNetworkConfig({ ...CONFIG, EnableIPv6: true, IPv6Network: 'fd00::/48' })
    await expect(compose().start()).rejects.toMatchObject({ code: 'INTERFACE_UNSUITABLE' })
  })

  it('can be tried again after it failed', async ({ store, kernel, compose }) => {
    const fault = kernel.fail({ errno: 'EBUSY', times: Number.POSITIVE_INFINITY })
    const overlay = compose()
    await expect(overlay.start()).rejects.toMatchObject({ code: 'DRIVER_REFUSED' })
    expect(overlay.status.state).toBe('idle')
    fault.stop()
    await overlay.start()
    await overlay.whenInSync()
    expect(store.leases).toHaveLength(1)
  })

  it('rejects with the reason of its signal, and not after it has resolved', async ({ clock, compose }) => {
    const reason = new Error('enough')
    const store = new MemoryStore({ clock })
    const controller = new AbortController()
    const overlay = compose({ subnets: new MemorySubnetManager(store) })
    const start = overlay.start({ signal: controller.signal })
    controller.abort(reason)
    await expect(start).rejects.toBe(reason)
    store.setNetworkConfig(CONFIG)
    const later = new AbortController()
    await overlay.start({ signal: later.signal })
    later.abort(reason)
    await overlay.whenInSync()
    expect(overlay.status.state).toBe('running')
  })

  it('waits for a network config', async ({ clock, compose }) => {
    const store = new MemoryStore({ clock })
    const start = compose({ subnets: new MemorySubnetManager(store) }).start()
    store.setNetworkConfig(CONFIG)
    await start
  })

  it('reports the config before it does anything with it, and says what it waits for', async ({
    clock,
    compose,
  }) => {
    const store = new MemoryStore({ clock })
    const overlay = compose({ subnets: new MemorySubnetManager(store) })
    const reported: unknown[] = []
    overlay.on('waiting', (what) => reported.push(what))
    overlay.on('config', ({ config: { ipv4 } }) => reported.push(ipv4?.network))
    overlay.on('lease', ({ type }) => reported.push(type))
    const start = overlay.start()
    await clock.settle()
    expect(overlay.status.waitingFor).toBe('the network config from memory')
    store.setNetworkConfig(CONFIG)
    await start
    expect(reported).toEqual([
      'the drivers',
      'the network config from memory',
      '10.244.0.0/16',
      'the external interface',
      'a lease from memory',
      'acquired',
      'the first writes',
      'the first list of leases from memory',
    ])
    expect(overlay.status.waitingFor).toBeUndefined()
  })

  it('says at once why the store does not give the network config, and what looks mistaken about its use', async ({
    clock,
    store,
    compose,
  }) => {
    const subnets = new MemorySubnetManager(store)
    const config = await subnets.getNetworkConfig()
    let isAway = true
    subnets.getNetworkConfig = async ({ onWaiting, signal }: GetConfigOptions = {}) => {
      if (!isAway) return config
      onWaiting?.(new OverlayError('STORE_UNAVAILABLE', 'connection refused'))
      await clock.sleep(10_000, { signal })
      isAway = false
      return config
    }
    const overlay = compose({ subnets: Object.assign(subnets, { warnings: () => ['an option is ignored'] }) })
    const waiting: string[] = []
    const warnings: string[] = []
    overlay.on('waiting', (what, why) => why && waiting.push(`${what}: ${why.code} ${why.message}`))
    overlay.on('warning', (text) => warnings.push(text))
    const start = overlay.start()
    await clock.settle()
    expect(waiting).toEqual(['the network config from memory: STORE_UNAVAILABLE connection refused'])
    await clock.advance(10_000)
    await start
    expect(warnings).toEqual(['an option is ignored'])
  })

  it('chooses among several backends by the network config', async ({ kernel, compose }) => {
    const overlay = compose({
      backend: undefined,
      backends: [{ type: 'VXLAN', load: async () => vxlan() }],
    })
    await overlay.start()
    expect(kernel.toText()).toContain('flannel.1')
  })

  it('asks the drivers for what the chosen backend requires before it acquires a lease', async ({
    clock,
    store,
    compose,
  }) => {
    const kernel = new FakeKernel({
      clock,
      linkTypes: [],
      interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }],
    })
    for (const options of [{}, { backend: undefined, backends: [vxlan()] }]) {
      await expect(
        compose({ ...options, drivers: [kernel.driver()] }).start({ retry: true }),
      ).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    }
    expect(store.leases).toEqual([])
  })

  it('waits for the first list of leases', async ({ clock, store, compose, join }) => {
    join(2)
    const subnets = new MemorySubnetManager(store)
    const { watchLeases } = subnets
    subnets.watchLeases = async function* (options) {
      await clock.sleep(60_000, options)
      yield* watchLeases.call(subnets, options)
    }
    const overlay = compose({ subnets })
    const start = overlay.start()
    await clock.advance(59_000)
    expect(overlay.status).toMatchObject({
      state: 'starting',
      waitingFor: 'the first list of leases from memory',
    })
    await clock.advance(1_000)
    await start
    expect(overlay.leases.size).toBe(2)
  })

  it('rejects for a list that is denied, says what to grant, and leaves nothing open', async ({
    clock,
    store,
    compose,
  }) => {
    const denied = new OverlayError('ACCESS_DENIED', 'listing nodes: grant list and watch on nodes')
    const subnets = new MemorySubnetManager(store)
    subnets.watchLeases = async function* ({ signal, onError }) {
      onError?.(denied)
      yield* []
      await clock.sleep(Number.POSITIVE_INFINITY, { signal })
    }
    const overlay = compose({ subnets })
    await expect(overlay.start()).rejects.toBe(denied)
    expect(overlay.status.state).toBe('idle')
    await clock.settle()
    expect(clock.pending).toEqual([])
  })

  it('waits ten seconds for the first list of a store that is away, or for as long as it takes', async ({
    clock,
    store,
    compose,
  }) => {
    const away = new OverlayError('STORE_UNAVAILABLE', 'no leader')
    const backAt = (time: number): MemorySubnetManager => {
      const subnets = new MemorySubnetManager(store)
      const { watchLeases } = subnets
      subnets.watchLeases = async function* (options) {
        options.onError?.(away)
        await clock.sleep(Math.max(0, time - clock.monotonic()), options)
        yield* watchLeases.call(subnets, options)
      }
      return subnets
    }
    const start = compose({ subnets: backAt(9_000) }).start()
    await clock.advance(9_000)
    await start
    const gaveUp = expect(compose({ subnets: backAt(100_000) }).start()).rejects.toBe(away)
    await clock.advance(10_000)
    await gaveUp
    const started = compose({ subnets: backAt(100_000) }).start({ retry: true })
    await clock.advance(120_000)
    await started
  })

  describe('with retry', () => {
    it('goes on until the store, the config and the interface are there, and reports each failure', async ({
      clock,
      store,
      kernel,
      compose,
    }) => {
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      store.setNetworkConfig({ ...CONFIG, Backend: { Type: 'host-gw' } })
      const subnets = new MemorySubnetManager(store)
      const getNetworkConfig = vi.spyOn(subnets, 'getNetworkConfig')
      getNetworkConfig.mockRejectedValueOnce(new OverlayError('STORE_UNAVAILABLE', 'no answer'))
      const overlay = compose({ subnets })
      const reported: string[] = []
      overlay.on('error', ({ code }) => reported.push(code))
      overlay.on('retry', ({ attempts, error, delayMs }) =>
        reported.push(`${attempts} ${error.code} ${delayMs}`),
      )
      const start = overlay.start({ retry: true })
      await clock.settle()
      expect(overlay.status).toMatchObject({
        state: 'starting',
        waitingFor: 'the network config from memory',
      })
      await clock.advance(1_000)
      store.setNetworkConfig(CONFIG)
      await clock.advance(2_000)
      kernel.addAddress('eth0', '192.0.2.1/24')
      await clock.advance(4_000)
      await start
      expect(reported).toEqual([
        'STORE_UNAVAILABLE',
        '1 STORE_UNAVAILABLE 750',
        'INVALID_CONFIG',
        '2 INVALID_CONFIG 1500',
        'INTERFACE_NOT_FOUND',
        '3 INTERFACE_NOT_FOUND 3000',
      ])
      await overlay.whenInSync()
    })

    it('warns once of what each try finds again', async ({ clock, store, kernel, compose }) => {
      store.setNetworkConfig({ ...CONFIG, SubnetLength: 24 })
      const fault = kernel.fail({ errno: 'EBUSY', times: Number.POSITIVE_INFINITY })
      const overlay = compose()
      const warnings: string[] = []
      overlay.on('warning', (text) => warnings.push(text))
      const start = overlay.start({ retry: true })
      await clock.advance(10_000)
      fault.stop()
      await clock.advance(30_000)
      await start
      expect(warnings).toHaveLength(1)
    })

    it('rejects for missing rights, which no retry brings', async ({ compose }) => {
      const kernel = new FakeKernel({ privileged: false })
      await expect(compose({ drivers: [kernel.driver()] }).start({ retry: true })).rejects.toMatchObject({
        code: 'ACCESS_DENIED',
      })
    })

    it('ends when its signal aborts or the overlay is stopped, also between two tries', async ({
      clock,
      store,
      compose,
    }) => {
      const reason = new Error('enough')
      const subnets = new MemorySubnetManager(store)
      subnets.acquireLease = () => Promise.reject(new OverlayError('STORE_UNAVAILABLE', 'no answer'))
      const controller = new AbortController()
      const overlay = compose({ subnets })
      const start = overlay.start({ retry: true, signal: controller.signal })
      await clock.settle()
      controller.abort(reason)
      await expect(start).rejects.toBe(reason)
      const again = overlay.start({ retry: true })
      const closed = expect(again).rejects.toMatchObject({ code: 'CLOSED' })
      await clock.settle()
      await overlay.stop()
      await closed
    })
  })

  it('warns of keys that mean nothing', async ({ store, compose }) => {
    store.setNetworkConfig({ ...CONFIG, SubnetLength: 24, Backend: { Type: 'vxlan', Vnii: 3 } })
    const overlay = compose()
    const warnings: string[] = []
    overlay.on('warning', (text) => warnings.push(text))
    await overlay.start()
    expect(warnings.join('\n')).toMatch(/SubnetLength[\s\S]*Vnii/)
  })

  it('is for once: a second call is misuse, one after stop is CLOSED', async ({ running }) => {
    const overlay = await running()
    await expect(overlay.start()).rejects.toBeInstanceOf(TypeError)
    await overlay.stop()
    await expect(overlay.start()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
