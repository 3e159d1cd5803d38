import { vxlan } from '@selvedge/backend-vxlan'
import { FakeClock, FakeKernel } from '@selvedge/conformance'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { WatchOptions } from '../contract/subnet-manager.js'
import type { Lease } from '../lease/lease.js'
import { OverlayError } from '../util/errors.js'
import type { OverlayOptions } from './options.js'
import { createOverlay, type Overlay } from './overlay.js'

const HOUR = 3_600_000
const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

/** What another node publishes; `n` is its host number. */
const peerAttributes = (n: number) => ({
  publicIp: `192.0.2.${n}`,
  backendType: 'vxlan',
  backendData: { VNI: 1, VtepMAC: `02:00:00:00:00:${n.toString(16).padStart(2, '0')}` },
})

async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of iterable) items.push(item)
  return items
}

describe('Overlay', () => {
  let clock: FakeClock
  let store: MemoryStore
  let kernel: FakeKernel
  const started: Overlay[] = []

  beforeEach(() => {
    clock = new FakeClock()
    store = new MemoryStore({ config: CONFIG, leaseTermMs: 24 * HOUR, clock })
    kernel = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
  })

  afterEach(async () => {
    for (const overlay of started.splice(0)) await overlay.stop()
  })

  function compose(options: Partial<OverlayOptions> = {}): Overlay {
    const overlay = createOverlay({
      subnets: new MemorySubnetManager(store),
      backend: vxlan(),
      drivers: [kernel.driver()],
      clock,
      random: () => 0.5,
      ...options,
    })
    started.push(overlay)
    return overlay
  }

  async function running(options: Partial<OverlayOptions> = {}): Promise<Overlay> {
    const overlay = compose(options)
    await overlay.start()
    await clock.settle()
    return overlay
  }

  const join = (n: number, subnet = `10.244.${n}.0/24`): Lease =>
    store.reserve({ subnet, attributes: peerAttributes(n) })

  it('leases a subnet, makes the device, and follows the peers', async () => {
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

  it('writes the subnet.env that flannel would', async () => {
    const overlay = await running({ previous: { subnet: '10.244.7.0/24' } })
    expect(overlay.subnetEnv({ ipMasq: true })).toBe(
      'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
    )
  })

  it('reports peers, and neither itself nor what it held before', async () => {
    const overlay = compose()
    const heard: string[] = []
    overlay.on('peer', ({ type, lease }) => heard.push(`${type} ${lease.subnet}`))
    store.reserve({ subnet: '10.244.99.0/24', attributes: peerAttributes(2) })
    await overlay.start()
    await overlay.whenInSync()
    expect(heard).toEqual(['put 10.244.99.0/24'])
  })

  it('has joined before it knows its peers: its subnet.env need not wait for the list of leases', async () => {
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
    it('yields the events from its call on, until the overlay has stopped', async () => {
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

    it('ends when its signal aborts', async () => {
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

  it('keeps the peers that a store lost when it was reset, and says so', async () => {
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
    await clock.advance(24 * HOUR)
    await overlay.whenInSync()
    expect(kernel.toText()).not.toContain('10.244.2.0/24')
  })

  it('reports whether the store can be heard, also while that has nothing to say', async () => {
    let watchOptions: WatchOptions | undefined
    const subnets = new MemorySubnetManager(store)
    const { watchLeases } = subnets
    subnets.watchLeases = (options) => {
      watchOptions = options
      return watchLeases.call(subnets, options)
    }
    const overlay = await running({ subnets })
    await clock.advance(HOUR)
    watchOptions?.onError?.(new OverlayError('STORE_UNAVAILABLE', 'no answer'))
    expect(overlay.status.storeError?.message).toBe('no answer')
    watchOptions?.onRecovered?.()
    expect(overlay.status).toMatchObject({ storeError: undefined, leasesAsOf: clock.now() })
  })

  it('deletes nothing before all leases are known', async () => {
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

  it('adopts what a killed process left: same subnet, same MAC, nothing written', async () => {
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

  it('acquires its lease again when an operator deletes it', async () => {
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

  it('moves to another subnet when a node took its own, and routes to that node', async () => {
    const overlay = await running({ previous: { subnet: '10.244.7.0/24' } })
    store.release(overlay.lease)
    store.reserve({ subnet: '10.244.7.0/24', attributes: peerAttributes(7) })
    await clock.settle()
    expect(overlay.lease.subnet).not.toBe('10.244.7.0/24')
    expect(overlay.status.inSync).toBe(true)
    expect(kernel.toText()).toContain('10.244.7.0/24 via 10.244.7.0')
    expect(kernel.toText()).not.toContain('10.244.7.0/32 dev flannel.1')
  })

  it('ignores a lease that makes no sense, says so, and serves the others', async () => {
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

  it('follows the MTU of the external interface', async () => {
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

  it('stays itself when a VIP comes to its interface and goes to another node, and keeps its own subnet', async () => {
    const overlay = await running()
    const { lease } = overlay
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    kernel.addAddress('eth0', '192.0.2.99/24')
    kernel.addAddress('eth0', '192.0.2.1/24')
    store.reserve({ subnet: '10.244.99.0/24', attributes: peerAttributes(99) })
    await clock.advance(10 * 60_000)
    expect(overlay.lease).toEqual(lease)
    kernel.deleteAddress('eth0', '192.0.2.99/24')
    await clock.advance(10 * 60_000)
    expect(overlay.lease).toEqual(lease)
    expect(store.leases).toHaveLength(2)
    expect(overlay.status.inSync).toBe(true)
  })

  it('shares no subnet with another node of its address: both say so, and the one that came later gives way', async () => {
    const one = await running()
    const elsewhere = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
    const other = compose({ drivers: [elsewhere.driver()] })
    const errors: string[] = []
    const note = (who: string) => (error: OverlayError) =>
      errors.push(`${who} ${error.code} ${error.message}`)
    one.on('error', note('one'))
    other.on('error', note('other'))
    await other.start()
    const { subnet } = one.lease
    expect(other.lease.subnet).toBe(subnet)
    await clock.advance(1_000)
    await clock.advance(1_000)
    await clock.settle()
    expect(one.lease.subnet).toBe(subnet)
    expect(other.lease.subnet).not.toBe(subnet)
    expect(errors).toEqual([
      expect.stringMatching(/^one LEASE_CONFLICT .* it is written back\. .*192\.0\.2\.1 too/),
      expect.stringMatching(/^other LEASE_CONFLICT .* this one gives way/),
      expect.stringMatching(/^(one|other) LEASE_CONFLICT .* bears the public address of this node/),
      expect.stringMatching(/^(one|other) LEASE_CONFLICT .* bears the public address of this node/),
    ])
    // Restarted, each finds its own again.
    await other.stop()
    const again = await running({ drivers: [elsewhere.driver()], previous: { subnet: other.lease.subnet } })
    await clock.advance(60_000)
    expect(again.lease.subnet).toBe(other.lease.subnet)
    expect(one.lease.subnet).toBe(subnet)
  })

  it('says what it goes by, and where each fact came from', async () => {
    const overlay = await running({ publicIp: '203.0.113.1' })
    expect(overlay.node).toMatchObject({
      publicIp: '203.0.113.1',
      externalInterface: { name: 'eth0', ipv4: '192.0.2.1' },
      origins: {
        externalInterface: 'fake-kernel: it is the first with an address',
        publicIp: 'given as an option',
      },
    })
  })

  describe('that starts again, given what it was before', () => {
    /** What a program keeps from one run to the next, after the end of this one. */
    async function stopped(overlay: Overlay): Promise<OverlayOptions['previous']> {
      const { lease, externalInterface } = overlay
      await overlay.stop()
      return { ...lease, lease, externalInterface }
    }

    it('is the same node, whatever better addresses and interfaces have come', async () => {
      const first = await running()
      const { lease } = first
      const previous = await stopped(first)
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      kernel.addAddress('eth0', '192.0.2.99/24')
      kernel.addAddress('eth0', '192.0.2.1/24')
      expect((await running({ previous })).node).toMatchObject({
        publicIp: '192.0.2.1',
        origins: {
          externalInterface: expect.stringContaining('it is the first with an address (in an earlier run)'),
        },
      })
      expect(store.leases).toMatchObject([{ subnet: lease.subnet, attributes: lease.attributes }])
    })

    it('keeps its subnet under another address, and takes no record of the node that had that', async () => {
      const first = await running()
      const { subnet } = first.lease
      const previous = await stopped(first)
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      kernel.addAddress('eth0', '192.0.2.77/24')
      join(77)
      const overlay = await running({ previous })
      expect(overlay.lease).toMatchObject({ subnet, attributes: { publicIp: '192.0.2.77' } })
      expect(store.leases).toHaveLength(2)
      await clock.advance(60_000)
      expect(overlay.lease.subnet).toBe(subnet)
      expect(overlay.status.inSync).toBe(true)
    })

    it('takes another subnet under another address if its record was written since, or it is a copy', async () => {
      const first = await running()
      const { lease } = first
      const previous = await stopped(first)
      const copy = { ...previous, externalInterface: { name: 'eth0', macAddress: '02:00:00:00:77:77' } }
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      kernel.addAddress('eth0', '192.0.2.77/24')
      expect((await running({ previous: copy })).lease.subnet).not.toBe(lease.subnet)
      await started.pop()?.stop({ release: true })
      store.acquire({ attributes: lease.attributes })
      expect((await running({ previous })).lease.subnet).not.toBe(lease.subnet)
      expect(store.leases).toHaveLength(2)
    })
  })

  it('publishes a new address of the external interface, and keeps its subnet', async () => {
    const overlay = await running()
    const { subnet } = overlay.lease
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    kernel.addAddress('eth0', '192.0.2.77/24')
    await clock.advance(5_000)
    expect(store.leases.map((lease) => [lease.subnet, lease.attributes.publicIp])).toEqual([
      [subnet, '192.0.2.77'],
    ])
    expect(kernel.toText()).toMatch(/local 192\.0\.2\.77/)
    expect(overlay.status.inSync).toBe(true)
  })

  it('heals a deleted device with all its peers, and reports what drifted', async () => {
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

  it('keeps what it knew of an external interface that will not do any more, and says so', async () => {
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

  it('sees damage without a notification when asked to look', async () => {
    join(2)
    const overlay = await running()
    await overlay.whenInSync()
    const text = kernel.toText()
    kernel.dropNotifications = true
    kernel.deleteLink('flannel.1')
    await overlay.resync()
    expect(kernel.toText()).toBe(text)
  })

  it('removes what it left in the network that it served before', async () => {
    const before = await running()
    await before.stop()
    store = new MemoryStore({
      config: { Network: '10.99.0.0/16', Backend: { Type: 'vxlan', VNI: 7 } },
      clock,
    })
    const overlay = await running({ previous: { network: '10.244.0.0/16' } })
    await overlay.whenInSync()
    expect(kernel.toText()).toContain('flannel.7')
    expect(kernel.toText()).not.toContain('flannel.1')
  })

  describe('start', () => {
    it('changes nothing without privileges, and names what is missing', async () => {
      kernel = new FakeKernel({ privileged: false })
      const overlay = compose()
      await expect(overlay.start()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
      expect(store.leases).toEqual([])
      expect(kernel.writes).toEqual([])
    })

    it('refuses a network of another backend before it changes anything', async () => {
      store.setNetworkConfig({ ...CONFIG, Backend: { Type: 'host-gw' } })
      await expect(compose().start()).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
      expect(store.leases).toEqual([])
    })

    it('refuses an interface without an address of a family of the network', async () => {
      store.setNetworkConfig({ ...CONFIG, EnableIPv6: true, IPv6Network: 'fd00::/48' })
      await expect(compose().start()).rejects.toMatchObject({ code: 'INTERFACE_UNSUITABLE' })
    })

    it('can be tried again after it failed', async () => {
      const fault = kernel.fail({ errno: 'EBUSY', times: Number.POSITIVE_INFINITY })
      const overlay = compose()
      await expect(overlay.start()).rejects.toMatchObject({ code: 'DRIVER_REFUSED' })
      expect(overlay.status.state).toBe('idle')
      fault.stop()
      await overlay.start()
      await overlay.whenInSync()
      expect(store.leases).toHaveLength(1)
    })

    it('rejects with the reason of its signal, and not after it has resolved', async () => {
      const reason = new Error('enough')
      store = new MemoryStore({ clock })
      const controller = new AbortController()
      const overlay = compose()
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

    it('waits for a network config', async () => {
      store = new MemoryStore({ clock })
      const start = compose().start()
      store.setNetworkConfig(CONFIG)
      await start
    })

    it('reports the config before it does anything with it, and says what it waits for', async () => {
      store = new MemoryStore({ clock })
      const overlay = compose()
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

    it('chooses among several backends by the network config', async () => {
      const overlay = compose({
        backend: undefined,
        backends: [{ type: 'VXLAN', load: async () => vxlan() }],
      })
      await overlay.start()
      expect(kernel.toText()).toContain('flannel.1')
    })

    it('asks the drivers for what the chosen backend requires before it acquires a lease', async () => {
      kernel = new FakeKernel({
        clock,
        linkTypes: [],
        interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }],
      })
      for (const options of [{}, { backend: undefined, backends: [vxlan()] }]) {
        await expect(compose(options).start({ retry: true })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
      }
      expect(store.leases).toEqual([])
    })

    it('waits for the first list of leases', async () => {
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

    it('rejects for a list that is denied, says what to grant, and leaves nothing open', async () => {
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

    it('waits ten seconds for the first list of a store that is away, or for as long as it takes', async () => {
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
      it('goes on until the store, the config and the interface are there, and reports each failure', async () => {
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

      it('warns once of what each try finds again', async () => {
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

      it('rejects for missing rights, which no retry brings', async () => {
        kernel = new FakeKernel({ privileged: false })
        await expect(compose().start({ retry: true })).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
      })

      it('ends when its signal aborts or the overlay is stopped, also between two tries', async () => {
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

    it('warns of keys that mean nothing', async () => {
      store.setNetworkConfig({ ...CONFIG, SubnetLength: 24, Backend: { Type: 'vxlan', Vnii: 3 } })
      const overlay = compose()
      const warnings: string[] = []
      overlay.on('warning', (text) => warnings.push(text))
      await overlay.start()
      expect(warnings.join('\n')).toMatch(/SubnetLength[\s\S]*Vnii/)
    })

    it('is for once: a second call is misuse, one after stop is CLOSED', async () => {
      const overlay = await running()
      await expect(overlay.start()).rejects.toBeInstanceOf(TypeError)
      await overlay.stop()
      await expect(overlay.start()).rejects.toMatchObject({ code: 'CLOSED' })
    })
  })

  describe('a network config that changes', () => {
    const OTHER = { Network: '10.1.0.0/16', Backend: { Type: 'vxlan', VNI: 7 } }

    it('is reported, with what differs, and not followed while the lease stands', async () => {
      join(2)
      const overlay = await running()
      const text = kernel.toText()
      const reported: string[] = []
      overlay.on('config', ({ type, config, differences }) =>
        reported.push(`${type} ${config.ipv4?.network} ${differences.length}`),
      )
      overlay.on('warning', (warning) => reported.push(warning))
      store.setNetworkConfig(OTHER)
      await clock.advance(10 * 60_000)
      expect(reported).toEqual([
        'changed 10.1.0.0/16 4',
        expect.stringMatching(
          /^the network config in memory has changed: Network is 10.1.0.0\/16, was 10.244.0.0\/16;/,
        ),
      ])
      expect(reported[1]).toContain('Backend.VNI differs')
      expect(overlay.config.ipv4?.network).toBe('10.244.0.0/16')
      expect(kernel.toText()).toBe(text)
      store.setNetworkConfig(CONFIG)
      await clock.advance(2 * 60_000)
      expect(reported.slice(2)).toEqual([
        'changed 10.244.0.0/16 0',
        'the network config in memory is the one in force again',
      ])
    })

    it('counts when the lease is lost: the overlay restarts by it, as a whole', async () => {
      const overlay = await running()
      const heard: unknown[] = []
      overlay.on('status', (state) => heard.push(state))
      overlay.on('lease', ({ type, lease }) => {
        heard.push(
          `${type} ${overlay.subnetEnv({ ipMasq: false }).split('\n')[0]} ${lease.subnet?.split('.')[1]}`,
        )
      })
      const inSync = overlay.whenInSync()
      await inSync
      // It stays on its address, as it would without a restart.
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      kernel.addAddress('eth0', '192.0.2.99/24')
      kernel.addAddress('eth0', '192.0.2.1/24')
      store.setNetworkConfig(OTHER)
      store.release(overlay.lease)
      await clock.settle()
      expect(heard).toEqual([
        'lost FLANNEL_NETWORK=10.244.0.0/16 244',
        'starting',
        'changed FLANNEL_NETWORK=10.1.0.0/16 1',
        'running',
      ])
      await overlay.whenInSync()
      expect(overlay.config.ipv4?.network).toBe('10.1.0.0/16')
      expect(overlay.node.publicIp).toBe('192.0.2.1')
      expect(kernel.toText()).toContain('flannel.7')
      expect(kernel.toText()).not.toContain('flannel.1')
      expect(store.leases.map(({ subnet }) => subnet)).toEqual([overlay.lease.subnet])
      await overlay.stop({ cleanup: true })
      expect(kernel.toText()).not.toContain('flannel')
    })

    it('restarts for as long as it takes, keeps what it was until then, and takes waiters along', async () => {
      const overlay = await running()
      store.setNetworkConfig({ ...OTHER, Backend: { Type: 'host-gw' } })
      store.release(overlay.lease)
      await clock.advance(5_000)
      expect(overlay.status.state).toBe('starting')
      expect(overlay.mtu).toBe(1450)
      expect(kernel.toText()).toContain('flannel.1')
      const inSync = overlay.whenInSync()
      store.setNetworkConfig(OTHER)
      await clock.advance(30_000)
      await inSync
      expect(overlay.status).toMatchObject({ state: 'running', inSync: true })
      expect(overlay.lease.attributes.backendData).toMatchObject({ VNI: 7 })
    })

    it('ends a restart when the overlay is stopped', async () => {
      const overlay = await running()
      store.setNetworkConfig({ ...OTHER, Backend: { Type: 'host-gw' } })
      store.release(overlay.lease)
      await clock.advance(1_000)
      const never = expect(overlay.whenInSync()).rejects.toMatchObject({ code: 'CLOSED' })
      await overlay.stop()
      await never
      expect(overlay.status.state).toBe('stopped')
    })
  })

  describe('stop', () => {
    it('leaves traffic flowing and the lease held', async () => {
      join(2)
      const overlay = await running()
      const text = kernel.toText()
      await overlay.stop()
      expect(kernel.toText()).toBe(text)
      expect(store.leases).toHaveLength(2)
      expect(overlay.status.state).toBe('stopped')
    })

    it('removes all that is ours and nothing else, and gives the lease back, when asked to', async () => {
      kernel.addRoute({
        destination: '10.99.0.0/16',
        gateway: '192.0.2.254',
        device: 'eth0',
        protocol: 'bird',
      })
      const before = kernel.toText()
      join(2)
      const overlay = await running()
      await overlay.whenInSync()
      const written = kernel.requests.length
      await overlay.stop({ cleanup: true, release: true })
      expect(kernel.toText()).toBe(before)
      expect(kernel.requests.slice(written).filter(({ type }) => type === 'put')).toEqual([])
      expect(store.leases.map(({ subnet }) => subnet)).toEqual(['10.244.2.0/24'])
    })

    it('never gives back a reservation', async () => {
      const attributes = { ...peerAttributes(1), backendData: { VNI: 1, VtepMAC: '02:00:00:00:00:01' } }
      store.reserve({ subnet: '10.244.7.0/24', attributes })
      const overlay = await running()
      expect(overlay.lease.subnet).toBe('10.244.7.0/24')
      await overlay.stop({ release: true })
      expect(store.leases).toHaveLength(1)
    })

    it('is idempotent, also while it is under way, and disposes of the store and the drivers once', async () => {
      const subnets = new MemorySubnetManager(store)
      const dispose = vi.spyOn(subnets, Symbol.asyncDispose)
      const overlay = await running({ subnets })
      await Promise.all([overlay.stop(), overlay.stop()])
      await overlay[Symbol.asyncDispose]()
      expect(dispose).toHaveBeenCalledTimes(1)
    })

    it('ends a start that is under way, and whoever waits', async () => {
      store = new MemoryStore({ clock })
      const waiting = compose()
      const start = waiting.start()
      const ended = expect(start).rejects.toMatchObject({ code: 'CLOSED' })
      await waiting.stop()
      await ended
      store.setNetworkConfig(CONFIG)
      kernel.slow({ snapshotMs: 1_000 })
      const overlay = compose()
      const begun = overlay.start()
      await clock.advance(1_000)
      await clock.advance(1_000)
      await begun
      overlay.resync()
      const never = expect(overlay.whenInSync()).rejects.toMatchObject({ code: 'CLOSED' })
      await overlay.stop()
      await never
    })

    it('may come before start', async () => {
      const overlay = compose()
      await overlay.stop()
      expect(overlay.status.state).toBe('stopped')
    })
  })

  it('lives beside another overlay on one host: neither touches what the other holds', async () => {
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
