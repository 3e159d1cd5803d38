import assert from 'node:assert/strict'
import type { AbortOptions, Lease, SubnetManager } from '@selvedge/core'
import { failureOf, rejectsWith } from '../assertions.js'
import { attributesOf, ipv4Network, type Section } from './fixture.js'
import { published } from './observer.js'

/** Every call that a manager takes, by name. */
const calls = (
  manager: SubnetManager,
  lease: Lease,
  options?: AbortOptions,
): Record<string, () => Promise<unknown>> => ({
  getNetworkConfig: () => manager.getNetworkConfig(options),
  acquireLease: () => manager.acquireLease({ attributes: attributesOf(1, 1) }, options),
  renewLease: () => manager.renewLease({ ...lease, attributes: attributesOf(1, 2) }, options),
  releaseLease: () => manager.releaseLease(lease, options),
})

export function lifetimeSection({ supports, test }: Section): void {
  test('returns the network config with its defaults filled in', ipv4Network, async (store) => {
    const config = await (await store.connect(1)).getNetworkConfig()
    assert.deepEqual(config.ipv4, {
      network: '10.99.0.0/16',
      subnetLength: 24,
      subnetMin: '10.99.10.0',
      subnetMax: '10.99.33.0',
    })
    assert.equal(config.ipv6, undefined)
    assert.deepEqual(config.backend, { type: 'vxlan', options: {} })
  })

  if (supports.configChanges) configTests({ supports, test })

  test(
    'rejects with the reason of a signal aborted before, and changes nothing',
    ipv4Network,
    async (store) => {
      const { manager, lease } = await store.join(1)
      const reason = { why: 'aborted before' }
      for (const [name, call] of Object.entries(
        calls(manager, lease, { signal: AbortSignal.abort(reason) }),
      )) {
        const error = await failureOf(store.within(name, call()))
        assert.equal(error, reason, `${name} rejected with ${String(error)}`)
      }
      assert.deepEqual([...(await store.leases(manager)).values()].map(published), [published(lease)])
    },
  )

  test(
    'rejects with the reason of a signal that aborts meanwhile, or does what it was asked',
    ipv4Network,
    async (store) => {
      const { manager, lease } = await store.join(1)
      const reason = { why: 'aborted meanwhile' }
      for (const name of Object.keys(calls(manager, lease))) {
        const abort = new AbortController()
        const done = calls(manager, lease, { signal: abort.signal })[name]?.()
        assert.ok(done)
        abort.abort(reason)
        await store
          .within(name, done)
          .catch((error) => assert.equal(error, reason, `${name}: ${String(error)}`))
      }
    },
  )

  test(
    'rejects every call with CLOSED once disposed of, which may be repeated',
    ipv4Network,
    async (store) => {
      const { manager, lease } = await store.join(1)
      const other = await store.connect(2)
      await manager[Symbol.asyncDispose]()
      await manager[Symbol.asyncDispose]()
      for (const [name, call] of Object.entries(calls(manager, lease))) {
        await store.within(name, rejectsWith('CLOSED', call()))
      }
      const watch = manager.watchLeases({ signal: new AbortController().signal })
      await store.within('watchLeases', rejectsWith('CLOSED', watch[Symbol.asyncIterator]().next()))
      assert.deepEqual([...(await store.leases(other)).values()].map(published), [published(lease)])
    },
  )

  test(
    'ends a watch with CLOSED when disposed of, and that of no other manager',
    ipv4Network,
    async (store) => {
      const { manager, lease } = await store.join(1)
      const other = await store.connect(2)
      const [ending, staying] = [await store.observe(manager), await store.observe(other)]
      await manager[Symbol.asyncDispose]()
      await rejectsWith(
        'CLOSED',
        ending.ending().then((error) => Promise.reject(error)),
      )
      const next = await other.acquireLease({ attributes: attributesOf(2) })
      await staying.untilShows('the next lease', [lease, next])
    },
  )
}

function configTests({ test }: Section): void {
  test('waits for the network config if there is none yet', undefined, async (store) => {
    const manager = await store.connect(1)
    let isReturned = false
    const config = manager.getNetworkConfig().finally(() => {
      isReturned = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(isReturned, false)
    await store.setNetworkConfig(ipv4Network)
    assert.equal((await store.within('getNetworkConfig', config)).ipv4?.network, '10.99.0.0/16')
  })

  test('stops waiting for the network config when the signal aborts', undefined, async (store) => {
    const manager = await store.connect(1)
    const abort = new AbortController()
    const waiting = failureOf(manager.getNetworkConfig({ signal: abort.signal }))
    await new Promise((resolve) => setImmediate(resolve))
    const reason = { why: 'no more time' }
    abort.abort(reason)
    assert.equal(await store.within('getNetworkConfig', waiting), reason)
  })

  test('stops waiting for the network config when disposed of', undefined, async (store) => {
    const manager = await store.connect(1)
    const waiting = rejectsWith('CLOSED', manager.getNetworkConfig())
    await new Promise((resolve) => setImmediate(resolve))
    await manager[Symbol.asyncDispose]()
    await store.within('getNetworkConfig', waiting)
  })

  test('returns the network config that was written last', ipv4Network, async (store) => {
    const manager = await store.connect(1)
    assert.equal((await manager.getNetworkConfig()).ipv4?.network, '10.99.0.0/16')
    await store.setNetworkConfig({ Network: '10.97.0.0/16' })
    assert.equal((await manager.getNetworkConfig()).ipv4?.network, '10.97.0.0/16')
  })
}
