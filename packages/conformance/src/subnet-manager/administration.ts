import assert from 'node:assert/strict'
import { copyLeases, type Lease, type SubnetAdministration, type SubnetManager } from '@selvedge/core'
import { rejectsWith } from '../assertions.js'
import { administrator } from './administrator.js'
import { attributesOf, EXPIRING, ipv4Network, joinAtOnce, nodes, type Section } from './fixture.js'
import { published } from './observer.js'

export function administrationSection({ supports, test }: Section): void {
  const reservation = { subnet: '10.99.12.0/24', attributes: attributesOf(100) }

  test('writes a network config that every manager then returns', undefined, async (store) => {
    const [manager, other] = [await administrator(store, 1), await store.connect(2)]
    const waiting = other.getNetworkConfig()
    await manager.setNetworkConfig(ipv4Network)
    assert.equal((await store.within('getNetworkConfig', waiting)).ipv4?.network, '10.99.0.0/16')
    await manager.setNetworkConfig('{ "Network": "10.97.0.0/16" }')
    assert.equal((await other.getNetworkConfig()).ipv4?.network, '10.97.0.0/16')
  })

  test(
    'rejects a network config that breaks a rule, and keeps the one it has',
    ipv4Network,
    async (store) => {
      const manager = await administrator(store, 1)
      await rejectsWith('INVALID_CONFIG', manager.setNetworkConfig({ Network: '10.99.0.0/30' }))
      await rejectsWith('INVALID_CONFIG', manager.setNetworkConfig('{"Network"'))
      assert.equal((await manager.getNetworkConfig()).ipv4?.network, '10.99.0.0/16')
    },
  )

  test('reserves subnets of any length, and lists exactly the reservations', ipv4Network, async (store) => {
    const manager = await administrator(store, 1)
    await manager.acquireLease({ attributes: attributesOf(1) })
    const made = [
      await manager.reserve(reservation),
      await manager.reserve({ subnet: '10.99.20.0/22', attributes: attributesOf(101) }),
    ]
    assert.deepEqual(made.map(published), [
      published(reservation),
      published({ subnet: '10.99.20.0/22', attributes: attributesOf(101) }),
    ])
    assert.deepEqual(
      made.map(({ expiresAt }) => expiresAt),
      [undefined, undefined],
    )
    const other = await administrator(store, 2)
    assert.deepEqual((await other.reservations()).map(published).sort(), made.map(published).sort())
  })

  test('reserves nothing that another node holds any of', ipv4Network, async (store) => {
    const manager = await administrator(store, 1)
    const { lease } = await store.join(2, { previous: { subnet: '10.99.14.0/24' } })
    for (const subnet of ['10.99.14.0/24', '10.99.12.0/22', '10.99.14.128/25']) {
      await rejectsWith('LEASE_CONFLICT', manager.reserve({ subnet, attributes: attributesOf(100) }))
    }
    assert.deepEqual([...(await store.leases(manager)).values()].map(published), [published(lease)])
    assert.deepEqual(await manager.reservations(), [])
  })

  test('makes a reservation of the lease of its own node', ipv4Network, async (store) => {
    const manager = await administrator(store, 1)
    const { lease } = await store.join(2)
    const kept = await manager.reserve({ subnet: lease.subnet, attributes: attributesOf(2, 1) })
    assert.deepEqual((await manager.reservations()).map(published), [published(kept)])
    assert.equal((await store.leases(manager)).size, 1)
    const { lease: again } = await store.join(2, { attributes: attributesOf(2, 2) })
    assert.equal(again.subnet, lease.subnet)
    assert.equal(again.expiresAt, undefined)
  })

  test(
    'rejects with the reason of an aborted signal, and with CLOSED once disposed of',
    ipv4Network,
    async (store) => {
      const manager = await administrator(store, 1)
      const calls = (options?: { readonly signal: AbortSignal }) => [
        manager.setNetworkConfig({ ...ipv4Network, SubnetLen: 25 }, options),
        manager.reserve(reservation, options),
        manager.reservations(options),
      ]
      const reason = { why: 'aborted before' }
      for (const result of await Promise.allSettled(calls({ signal: AbortSignal.abort(reason) }))) {
        assert.equal(result.status === 'rejected' && result.reason, reason)
      }
      const other = await store.connect(2)
      assert.equal((await other.getNetworkConfig()).ipv4?.subnetLength, 24)
      assert.equal((await store.leases(other)).size, 0)
      await manager[Symbol.asyncDispose]()
      for (const call of calls()) await store.within('a call', rejectsWith('CLOSED', call))
    },
  )

  test(
    'takes the leases of another store, each for its own node',
    ipv4Network,
    async (store) => {
      const leases: Lease[] = [1, 2, 3].map((node) => ({
        subnet: `10.99.${14 + node}.0/24`,
        attributes: attributesOf(node),
        expiresAt: Date.now() + 1_000_000,
      }))
      const target = await administrator(store, 9)
      const source: SubnetManager & Partial<SubnetAdministration> = {
        name: 'another',
        getNetworkConfig: () => target.getNetworkConfig(),
        reservations: async () => [reservation],
        async *watchLeases() {
          yield { type: 'snapshot', leases: [...leases, reservation] }
        },
        acquireLease: () => assert.fail('the other store was written to'),
        renewLease: () => assert.fail('the other store was written to'),
        releaseLease: () => assert.fail('the other store was written to'),
        [Symbol.asyncDispose]: async () => {},
      }
      await store.within('copyLeases', copyLeases(source, target))
      const expected = [...leases, reservation].map(published).sort()
      assert.deepEqual([...(await store.leases(target)).values()].map(published).sort(), expected)
      assert.deepEqual((await target.reservations()).map(published), [published(reservation)])
      const { copied, reserved, present } = await store.within('copyLeases', copyLeases(source, target))
      assert.deepEqual([copied, reserved, present.length], [[], [], 4])

      const moved = await joinAtOnce(store, nodes(3))
      assert.deepEqual(moved.map(published), leases.map(published))
      if (!supports.expiry) return
      await store.advance(1.1 * store.leaseTermMs)
      assert.deepEqual([...(await store.leases(target)).values()].map(published), [published(reservation)])
    },
    EXPIRING,
  )
}
