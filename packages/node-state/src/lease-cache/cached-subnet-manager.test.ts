import { FakeClock, subnetManagerSuite } from '@selvedge/conformance'
import { OverlayError, parseNetworkConfig } from '@selvedge/core'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect, it, test } from 'vitest'
import { CONFIG, HOUR, Host, keysOf, me, TestCache, unavailable } from '../../tests/cached-host.js'
import { CachedSubnetManager } from './cached-subnet-manager.js'

describe('around a store that answers it is that store', () => {
  const leaseTerm = 60_000
  subnetManagerSuite(
    { describe, it },
    {
      setup(config) {
        const clock = new FakeClock()
        const store = new MemoryStore({ config, leaseTermMs: leaseTerm, clock })
        return {
          connect: () =>
            new CachedSubnetManager({
              subnets: new MemorySubnetManager(store),
              cache: new TestCache(),
              clock,
              observer: {
                onCacheUsed: () => expect.unreachable(),
                onStoreAnswered: () => expect.unreachable(),
                onConfigChanged: () => expect.unreachable(),
                onSaveFailed: () => expect.unreachable(),
              },
            }),
          setNetworkConfig: (next) => store.setNetworkConfig(next),
          reserve: (lease) => store.reserve(lease),
          advance: (milliseconds) => clock.advance(milliseconds),
          leaseTermMs: leaseTerm,
        }
      },
      supports: { administration: false, foreignRecords: false, interruptions: false },
    },
  )
})

test('the addresses of the store are known through it, as the store learns them', () => {
  const { wire, manager } = new Host()
  expect(manager.addresses()).toEqual([])
  const known = ['192.0.2.5']
  Object.assign(wire, { addresses: () => known })
  known.push('192.0.2.6')
  expect(manager.addresses()).toEqual(['192.0.2.5', '192.0.2.6'])
})

describe('started while the store is unavailable', () => {
  test('it provides the config, the own lease and the peers that were known', async () => {
    const host = new Host()
    const lease = await host.joinAndStop()
    host.start({ up: false })
    expect((await host.manager.getNetworkConfig()).ipv4?.network).toBe('10.244.0.0/16')
    expect(await host.manager.acquireLease(me)).toEqual({ ...lease, created: undefined, version: undefined })
    const watch = host.watch()
    await host.clock.settle()
    // No snapshot: nothing may be deleted on account of what was known once.
    expect(keysOf(watch.events)).toEqual(['put', 'put'])
    expect(host.manager.cachedAsOf).toBe(host.clock.now())
    expect(host.reports).toEqual(['using cache'])
    await watch.stop()
  })

  test('it reports the oldest first: none waits for its subnet until an older one comes', async () => {
    const host = new Host()
    await host.joinAndStop()
    const ages = [30, undefined, 10, 20]
    const leases = ages.map((created, i) => ({ subnet: `10.244.${i}.0/24`, attributes: {}, created }))
    const { saved } = host.cache
    if (saved === undefined) throw new Error('nothing was saved')
    host.cache.saved = { ...saved, leases: new Map(leases.map((lease) => [lease.subnet, lease])) }
    host.start({ up: false })
    await host.manager.getNetworkConfig()
    const watch = host.watch()
    await host.clock.settle()
    expect(watch.events.map((event) => event.type === 'put' && event.lease.created)).toEqual([
      10,
      20,
      30,
      undefined,
    ])
    await watch.stop()
  })

  test('it publishes the attributes that the node has now', async () => {
    const host = new Host()
    await host.joinAndStop()
    host.start({ up: false })
    await host.manager.getNetworkConfig()
    const adopt = () => ({ publicIp: '192.0.2.1', backendType: 'vxlan' })
    expect((await host.manager.acquireLease({ ...me, adopt })).attributes).toEqual(adopt())
  })

  test('the store is used as soon as it is back', async () => {
    const host = new Host()
    const lease = await host.joinAndStop()
    host.start({ up: false })
    await host.manager.getNetworkConfig()
    await host.manager.acquireLease(me)
    const watch = host.watch()
    await host.clock.settle()
    host.wire.plugIn()
    await host.clock.settle()
    expect(keysOf(watch.events)).toEqual(['put', 'put', 'snapshot 2'])
    expect(host.reports).toEqual(['using cache', 'store answered'])
    expect(host.manager.cachedAsOf).toBeUndefined()
    await watch.stop()
    await host.manager[Symbol.asyncDispose]()
    // And it is saved again, for the next time.
    expect(host.cache.saved?.own).toEqual(lease)
  })

  test('a store that is back before the lease is acquired is asked for the config all the same', async () => {
    const host = new Host()
    await host.joinAndStop()
    await host.clock.advance(25 * HOUR)
    host.start({ up: false })
    await host.manager.getNetworkConfig()
    host.store.setNetworkConfig({ ...CONFIG, SubnetLen: 25 })
    host.wire.plugIn()
    await host.manager.acquireLease(me)
    const watch = host.watch()
    await host.clock.settle()
    expect(host.reports).toEqual(['using cache', 'store answered', 'config changed'])
    await watch.stop()
  })

  test('a lease that another node took meanwhile is not used again', async () => {
    const host = new Host()
    const lease = await host.joinAndStop()
    host.start({ up: false })
    await host.manager.getNetworkConfig()
    await host.manager.acquireLease(me)
    host.store.release(lease)
    host.store.reserve({ ...lease, attributes: { publicIp: '192.0.2.3' } })
    host.wire.plugIn()
    await expect(host.manager.renewLease(lease)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    expect((await host.manager.acquireLease(me)).subnet).not.toBe(lease.subnet)
  })

  test('another config calls for a restart', async () => {
    const host = new Host()
    await host.joinAndStop()
    host.start({ up: false })
    await host.manager.getNetworkConfig()
    const watch = host.watch()
    await host.clock.settle()
    host.store.setNetworkConfig({ ...CONFIG, Backend: { Type: 'vxlan' } })
    host.wire.plugIn()
    await host.clock.settle()
    expect(host.reports).toContain('config changed')
    await watch.stop()
    await host.manager[Symbol.asyncDispose]()
    expect(host.cache.saved?.config.backend?.type).toBe('vxlan')
  })

  test.each([
    ['there is no cache', (host: Host) => host.cache.forget(), me],
    ['the own lease has ended', (host: Host) => host.clock.advance(25 * HOUR), me],
    ['the node goes by another address', () => {}, { attributes: { publicIp: '192.0.2.9' } }],
  ])('it fails as the store does if %s', async (_, change, request) => {
    const host = new Host()
    await host.joinAndStop()
    await change(host)
    host.start({ up: false })
    const join = async () => {
      await host.manager.getNetworkConfig()
      await host.manager.acquireLease(request)
    }
    await expect(join()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })

  test('a store that refuses is not unavailable', async () => {
    const host = new Host()
    await host.joinAndStop()
    host.start()
    host.wire.getNetworkConfig = async () => {
      throw new OverlayError('ACCESS_DENIED', 'authentication failed')
    }
    await expect(host.manager.getNetworkConfig()).rejects.toMatchObject({ code: 'ACCESS_DENIED' })
    expect(host.reports).toEqual([])
  })

  test('a store that answers with another config is not overruled', async () => {
    const host = new Host()
    await host.joinAndStop()
    host.store.setNetworkConfig({ Network: '10.99.0.0/16' })
    host.start()
    expect((await host.manager.getNetworkConfig()).ipv4?.network).toBe('10.99.0.0/16')
  })

  test('a lease that was released is not used again', async () => {
    const host = new Host()
    await host.manager.getNetworkConfig()
    const lease = await host.manager.acquireLease(me)
    const watch = host.watch()
    await host.clock.settle()
    await host.manager.releaseLease(lease)
    await watch.stop()
    await host.manager[Symbol.asyncDispose]()
    host.start({ up: false })
    await host.manager.getNetworkConfig()
    await expect(host.manager.acquireLease(me)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})

describe('saving', () => {
  test('a burst of changes is saved once, soon; what comes later, after a rest', async () => {
    const host = new Host()
    await host.manager.getNetworkConfig()
    await host.manager.acquireLease(me)
    const watch = host.watch()
    const peers = new MemorySubnetManager(host.store)
    for (let i = 2; i < 12; i += 1) await peers.acquireLease({ attributes: { publicIp: `192.0.2.${i}` } })
    await host.clock.advance(1_000)
    expect(host.cache.saves).toBe(1)
    expect(host.cache.saved?.leases.size).toBe(11)
    await peers.acquireLease({ attributes: { publicIp: '192.0.2.12' } })
    await host.clock.advance(29_000)
    expect(host.cache.saves).toBe(1)
    await host.clock.advance(1_000)
    expect(host.cache.saved?.leases.size).toBe(12)
    await host.clock.advance(HOUR)
    expect(host.cache.saves).toBe(2)
    await watch.stop()
  })

  test('the own lease is saved at once: its end when it is renewed, and another subnet', async () => {
    const host = new Host()
    await host.manager.getNetworkConfig()
    let lease = await host.manager.acquireLease(me)
    const watch = host.watch()
    await host.clock.advance(1_000)
    expect(host.cache.saved?.own).toEqual(lease)
    for (let i = 0; i < 5; i += 1) {
      await host.clock.advance(2_000)
      lease = await host.manager.renewLease(lease)
      await host.clock.advance(10)
      expect(host.cache.saved?.own).toEqual(lease)
    }
    host.store.release(lease)
    host.store.reserve({ ...lease, attributes: { publicIp: '192.0.2.3' } })
    const other = await host.manager.acquireLease(me)
    expect(other.subnet).not.toBe(lease.subnet)
    await host.clock.advance(10)
    expect(host.cache.saved?.own).toEqual(other)
    await watch.stop()
  })

  test('however often the own lease is renewed, saving takes at most a tenth of the time', async () => {
    const host = new Host()
    const { save } = host.cache
    host.cache.save = async (network) => {
      await host.clock.sleep(500)
      await save.call(host.cache, network)
    }
    await host.manager.getNetworkConfig()
    const lease = await host.manager.acquireLease(me)
    const watch = host.watch()
    for (let i = 0; i < 600; i += 1) {
      await host.manager.renewLease(lease)
      await host.clock.advance(100)
    }
    expect(host.cache.saves).toBeGreaterThan(8)
    expect(host.cache.saves).toBeLessThan(13)
    await watch.stop()
  })

  test('nothing is saved before all leases are known', async () => {
    const host = new Host()
    await host.manager.getNetworkConfig()
    await host.manager.acquireLease(me)
    await host.clock.advance(60_000)
    await host.manager[Symbol.asyncDispose]()
    expect(host.cache.saves).toBe(0)
  })

  test('a full disk is reported once, disturbs nothing, and is overcome', async () => {
    const host = new Host()
    host.cache.full = true
    await host.manager.getNetworkConfig()
    await host.manager.acquireLease(me)
    const watch = host.watch()
    await host.clock.advance(120_000)
    expect(host.reports).toEqual(['no space left on device'])
    expect(keysOf(watch.events)).toEqual(['snapshot 1'])
    host.cache.full = false
    await host.clock.advance(30_000)
    expect(host.cache.saved?.own?.attributes.publicIp).toBe('192.0.2.1')
    await watch.stop()
  })
})

describe('where the config comes from elsewhere than the store, as from a file,', () => {
  /** Starts with the store unavailable, but for the config. */
  async function startAway(host: Host, config: object = CONFIG): Promise<void> {
    host.start({ up: false })
    host.wire.getNetworkConfig = async () => parseNetworkConfig(config)
    await host.manager.getNetworkConfig()
  }

  test('a node starts from its cached lease all the same, until the store answers', async () => {
    const host = new Host()
    const lease = await host.joinAndStop()
    await startAway(host)
    expect(await host.manager.acquireLease(me)).toMatchObject({ subnet: lease.subnet })
    expect(host.reports).toEqual(['using cache'])
    // An attempt to start that failed for another reason is repeated.
    await host.manager.getNetworkConfig()
    expect(await host.manager.acquireLease(me)).toMatchObject({ subnet: lease.subnet })
    const watch = host.watch()
    await host.clock.settle()
    expect(keysOf(watch.events)).toEqual(['put', 'put'])
    host.wire.plugIn()
    await host.clock.settle()
    expect(keysOf(watch.events)).toEqual(['put', 'put', 'snapshot 2'])
    expect(host.reports).toEqual(['using cache', 'store answered'])
    await watch.stop()
  })

  test('the addresses that the store had learned are known from the cache, and stay so', async () => {
    const host = new Host()
    Object.assign(host.wire, { addresses: () => ['192.0.2.5', '198.51.100.5'] })
    await host.joinAndStop()
    await startAway(host)
    Object.assign(host.wire, { addresses: () => ['192.0.2.5'] })
    expect(host.manager.addresses()).toEqual(['192.0.2.5'])
    await host.manager.acquireLease(me)
    const both = ['192.0.2.5', '198.51.100.5']
    expect(host.manager.addresses()).toEqual(both)
    const watch = host.watch()
    host.wire.plugIn()
    await host.clock.settle()
    expect(host.reports).toEqual(['using cache', 'store answered'])
    expect(host.manager.addresses()).toEqual(both)
    await watch.stop()
  })

  test.each([
    ['of another network', { Network: '10.99.0.0/16', Backend: { Type: 'alloc' } }, me],
    ['of another address', CONFIG, { attributes: { publicIp: '192.0.2.99' } }],
  ])('a lease %s is not used', async (_, config, request) => {
    const host = new Host()
    await host.joinAndStop()
    await startAway(host, config)
    await expect(host.manager.acquireLease(request)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(host.reports).toEqual([])
  })

  test('a store that was just found unavailable is not asked again before the cache', async () => {
    const host = new Host()
    await host.joinAndStop()
    await startAway(host)
    host.wire.acquireLease = () => expect.unreachable('it takes its time')
    host.manager.storeUnavailable(unavailable())
    expect(await host.manager.acquireLease(me)).toMatchObject({ attributes: me.attributes })
    expect(host.reports).toEqual(['using cache'])
  })

  test('the cache does not stand in for a store that becomes unavailable later', async () => {
    const host = new Host()
    await host.joinAndStop()
    host.start()
    await host.manager.getNetworkConfig()
    await host.manager.acquireLease(me)
    host.wire.up = false
    await expect(host.manager.acquireLease(me)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
    expect(host.reports).toEqual([])
  })
})
