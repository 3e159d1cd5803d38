import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect } from 'vitest'
import { CONFIG, HOUR_MS, it, peerAttributes } from '../../tests/overlay-fixture.js'
import type { WatchOptions } from '../contract/subnet-manager.js'
import { OverlayError } from '../util/errors.js'

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of iterable) items.push(item)
  return items
}

describe('Overlay', () => {
  it('leases a subnet, makes the device, and follows the peers', async ({
    clock,
    store,
    kernel,
    running,
    join,
  }) => {
    join(2)
    const overlay = await running()
    await overlay.whenInSync()
    expect(overlay.lease.attributes.publicIp).toBe('192.0.2.1')
    expect(overlay.mtu).toBe(1450)
    expect(overlay.status).toMatchObject({
      state: 'running',
      inSync: true,
      leases: 2,
      desired: 5,
      actual: 5,
      failures: [],
    })
    join(3)
    await clock.settle()
    expect(kernel.toText()).toContain('10.244.3.0/24')
    const gone = store.leases.find(({ subnet }) => subnet === '10.244.2.0/24')
    if (gone !== undefined) store.remove(gone)
    await clock.settle()
    expect(kernel.toText()).not.toContain('10.244.2.0')
    expect(await overlay.plan()).toEqual([])
  })

  it('writes the subnet.env that flannel would', async ({ running }) => {
    const overlay = await running({ previous: { subnet: '10.244.7.0/24' } })
    expect(overlay.subnetEnv({ ipMasq: true })).toBe(
      'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
    )
  })

  it('reports peers, and neither itself nor what it held before', async ({ store, compose }) => {
    const overlay = compose()
    const heard: string[] = []
    overlay.on('peer', ({ type, lease }) => heard.push(`${type} ${lease.subnet}`))
    store.reserve({ subnet: '10.244.99.0/24', attributes: peerAttributes(2) })
    await overlay.start()
    await overlay.whenInSync()
    expect(heard).toEqual(['put 10.244.99.0/24'])
  })

  it('has joined before it knows its peers: its subnet.env need not wait for the list of leases', async ({
    clock,
    store,
    compose,
  }) => {
    const subnets = new MemorySubnetManager(store)
    const { watchLeases } = subnets
    let list = (): void => undefined
    const mayList = new Promise<void>((resolve) => {
      list = resolve
    })
    subnets.watchLeases = async function* (options: WatchOptions) {
      await mayList
      yield* watchLeases.call(subnets, options)
    }
    const overlay = compose({ subnets })
    let text: string | undefined
    overlay.on('joined', () => {
      text = overlay.subnetEnv({ ipMasq: false })
    })
    const starting = overlay.start()
    await clock.settle()
    expect(text).toContain('FLANNEL_SUBNET=10.244.')
    expect(overlay.status).toMatchObject({
      state: 'starting',
      waitingFor: expect.stringContaining('the first list'),
    })
    list()
    await starting
  })

  describe('watch', () => {
    it('yields the events from its call on, until the overlay has stopped', async ({
      clock,
      compose,
      join,
    }) => {
      join(2)
      const overlay = compose()
      const peers = overlay.watch('peer')
      const states = overlay.watch('status')
      await overlay.start()
      await overlay.whenInSync()
      join(3)
      await clock.settle()
      await overlay.stop()
      expect((await all(peers)).map(({ lease }) => lease.subnet)).toEqual(['10.244.2.0/24', '10.244.3.0/24'])
      expect(await all(states)).toEqual(['starting', 'running', 'stopping', 'stopped'])
      expect(await all(overlay.watch('peer'))).toEqual([])
      expect(overlay.listenerCount('peer')).toBe(0)
    })

    it('ends when its signal aborts', async ({ running }) => {
      const overlay = await running()
      const controller = new AbortController()
      const peers = overlay.watch('peer', { signal: controller.signal })
      const waiting = peers.next()
      controller.abort(new Error('enough'))
      expect(await waiting).toEqual({ done: true, value: undefined })
      expect(await overlay.watch('peer', { signal: controller.signal }).next()).toMatchObject({ done: true })
      expect(overlay.listenerCount('peer')).toBe(0)
    })
  })

  it('keeps the peers that a store lost when it was reset, and says so', async ({
    clock,
    store,
    kernel,
    compose,
    join,
  }) => {
    const subnets = new MemorySubnetManager(store)
    const { watchLeases } = subnets
    subnets.watchLeases = async function* (options: WatchOptions) {
      let isFirst = true
      for await (const event of watchLeases.call(subnets, options)) {
        yield event
        // As if the store had been wiped meanwhile.
        if (isFirst) yield { type: 'snapshot', leases: [], storeWasReset: true }
        isFirst = false
      }
    }
    join(2)
    const overlay = compose({ subnets })
    const warnings: string[] = []
    overlay.on('warning', (text) => warnings.push(text))
    await overlay.start()
    await overlay.whenInSync()
    expect(kernel.toText()).toContain('10.244.2.0/24')
    expect(warnings).toEqual([expect.stringMatching(/memory has lost its memory.* no longer has \(1\)/)])
    expect(store.leases.map(({ attributes }) => attributes.publicIp)).toContain('192.0.2.1')
    await clock.advance(24 * HOUR_MS)
    await overlay.whenInSync()
    expect(kernel.toText()).not.toContain('10.244.2.0/24')
  })

  it('reports whether the store can be heard, also while that has nothing to say', async ({
    clock,
    store,
    running,
  }) => {
    let watchOptions: WatchOptions | undefined
    const subnets = new MemorySubnetManager(store)
    const { watchLeases } = subnets
    subnets.watchLeases = (options) => {
      watchOptions = options
      return watchLeases.call(subnets, options)
    }
    const overlay = await running({ subnets })
    await clock.advance(HOUR_MS)
    watchOptions?.onError?.(new OverlayError('STORE_UNAVAILABLE', 'no answer'))
    expect(overlay.status.storeError?.message).toBe('no answer')
    watchOptions?.onRecovered?.()
    expect(overlay.status).toMatchObject({ storeError: undefined, leasesAsOf: clock.now() })
  })

  it('deletes nothing before all leases are known', async ({
    clock,
    store,
    kernel,
    compose,
    running,
    join,
  }) => {
    const first = await running()
    join(2)
    await clock.settle()
    await first.stop()
    const before = kernel.toText()
    const subnets = new MemorySubnetManager(store)
    subnets.watchLeases = async function* ({ signal }) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    }
    const second = compose({ subnets })
    const start = expect(second.start()).rejects.toMatchObject({ code: 'CLOSED' })
    await clock.advance(10 * 60_000)
    expect(kernel.toText()).toBe(before)
    expect(second.status.inSync).toBe(false)
    await second.stop()
    await start
  })

  it('adopts what a killed process left: same subnet, same MAC, nothing written', async ({
    kernel,
    running,
    join,
  }) => {
    join(2)
    const killed = await running()
    await killed.whenInSync()
    const { lease } = killed
    const text = kernel.toText()
    kernel.requests.length = 0
    const overlay = await running()
    await overlay.whenInSync()
    expect(overlay.lease.subnet).toBe(lease.subnet)
    expect(overlay.lease.attributes).toEqual(lease.attributes)
    expect(kernel.writes).toEqual([])
    expect(kernel.toText()).toBe(text)
  })

  it('acquires its lease again when an operator deletes it', async ({ clock, store, running }) => {
    const overlay = await running()
    const events: string[] = []
    overlay.on('lease', ({ type }) => events.push(type))
    const { subnet } = overlay.lease
    store.release(overlay.lease)
    await clock.settle()
    expect(events).toEqual(['lost', 'acquired'])
    expect(overlay.lease.subnet).toBe(subnet)
    expect(await overlay.plan()).toEqual([])
  })

  it('ignores a lease that makes no sense, says so, and serves the others', async ({
    store,
    kernel,
    compose,
    join,
  }) => {
    const overlay = compose()
    const errors: string[] = []
    overlay.on('error', (error) => errors.push(`${error.code}`))
    store.reserve({ subnet: '10.244.2.0/24', attributes: { publicIp: '192.0.2.2', backendType: 'vxlan' } })
    join(3)
    await overlay.start()
    await overlay.whenInSync()
    expect(errors).toEqual(['INVALID_LEASE'])
    expect(kernel.toText()).toContain('10.244.3.0/24')
    expect(kernel.toText()).not.toContain('10.244.2.0')
  })

  it('follows the MTU of the external interface', async ({ clock, kernel, running }) => {
    const overlay = await running()
    const heard: number[] = []
    overlay.on('mtu', (mtu) => heard.push(mtu))
    kernel.changeLink('eth0', { mtu: 9000 })
    await clock.advance(1_000)
    expect(heard).toEqual([8950])
    expect(overlay.mtu).toBe(8950)
    expect(kernel.toText()).toMatch(/flannel\.1.* mtu 8950/)
    expect(overlay.status.inSync).toBe(true)
  })

  it('heals a deleted device with all its peers, and reports what drifted', async ({
    clock,
    kernel,
    running,
    join,
  }) => {
    for (let n = 2; n < 10; n += 1) join(n)
    const overlay = await running()
    const text = kernel.toText()
    const drifted: number[] = []
    overlay.on('drift', (drift) => drifted.push(drift.length))
    kernel.deleteLink('flannel.1')
    await overlay.whenInSync()
    await clock.settle()
    expect(kernel.toText()).toBe(text)
    expect(drifted).toEqual([2 + 8 * 3])
  })

  it('keeps what it knew of an external interface that will not do any more, and says so', async ({
    clock,
    store,
    kernel,
    running,
  }) => {
    store.setNetworkConfig({ ...CONFIG, Backend: { Type: 'vxlan', MTU: 1500 } })
    const overlay = await running()
    const errors: string[] = []
    overlay.on('error', (error) => errors.push(error.code))
    kernel.changeLink('eth0', { mtu: 1400 })
    await clock.advance(1_000)
    expect(errors).toContain('INVALID_CONFIG')
    expect(overlay.mtu).toBe(1450)
    kernel.changeLink('eth0', { mtu: 1500 })
    await overlay.resync()
    expect(await overlay.plan()).toEqual([])
  })

  it('sees damage without a notification when asked to look', async ({ kernel, running, join }) => {
    join(2)
    const overlay = await running()
    await overlay.whenInSync()
    const text = kernel.toText()
    kernel.dropNotifications = true
    kernel.deleteLink('flannel.1')
    await overlay.resync()
    expect(kernel.toText()).toBe(text)
  })

  it('removes what it left in the network that it served before', async ({ clock, kernel, running }) => {
    const before = await running()
    await before.stop()
    const store = new MemoryStore({
      config: { Network: '10.99.0.0/16', Backend: { Type: 'vxlan', VNI: 7 } },
      clock,
    })
    const overlay = await running({
      subnets: new MemorySubnetManager(store),
      previous: { network: '10.244.0.0/16' },
    })
    await overlay.whenInSync()
    expect(kernel.toText()).toContain('flannel.7')
    expect(kernel.toText()).not.toContain('flannel.1')
  })
  it('lives beside another overlay on one host: neither touches what the other holds', async ({
    clock,
    kernel,
    running,
    join,
  }) => {
    const otherStore = new MemoryStore({
      config: { Network: '10.245.0.0/16', Backend: { Type: 'vxlan', VNI: 2 } },
      clock,
    })
    join(2)
    otherStore.reserve({
      subnet: '10.245.2.0/24',
      attributes: { ...peerAttributes(2), backendData: { VNI: 2, VtepMAC: '02:00:00:00:02:02' } },
    })
    const one = await running()
    const other = await running({ subnets: new MemorySubnetManager(otherStore), drivers: [kernel.driver()] })
    await Promise.all([one.whenInSync(), other.whenInSync()])
    const both = kernel.toText()
    one.resync()
    other.resync()
    await clock.advance(120_000)
    expect(kernel.toText()).toBe(both)
    await other.stop({ cleanup: true })
    expect(kernel.toText()).not.toContain('flannel.2')
    await clock.advance(120_000)
    expect(await one.plan()).toEqual([])
  })
})
