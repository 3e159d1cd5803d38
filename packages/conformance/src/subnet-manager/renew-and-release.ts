import assert from 'node:assert/strict'
import type { Lease, SubnetManager } from '@selvedge/core'
import { rejectsWith } from '../assertions.js'
import { attributesOf, EXPIRING, ipv4Network, type Section, type TestStore } from './fixture.js'
import { published } from './observer.js'

/** Gives the lease of node 1 to node 2, as happens when a node was cut off for too long. */
async function moveToNode2(
  store: TestStore,
  lease: Lease,
): Promise<{ manager: SubnetManager; lease: Lease }> {
  const manager = await store.connect(2)
  await manager.releaseLease(lease)
  const taken = await manager.acquireLease({ attributes: attributesOf(2), previous: lease })
  assert.equal(taken.subnet, lease.subnet)
  return { manager, lease: taken }
}

export function endSection({ supports, test }: Section): void {
  test('a renewal publishes the attributes given', ipv4Network, async (store) => {
    const { manager, lease } = await store.join(1)
    const wanted = { ...lease, attributes: attributesOf(1, 1) }
    assert.equal(published(await manager.renewLease(wanted)), published(wanted))
    assert.deepEqual(await store.published(manager), [published(wanted)])
  })

  test(
    'a renewal of a lease that is gone rejects with LEASE_LOST and brings none back',
    ipv4Network,
    async (store) => {
      const { manager, lease } = await store.join(1)
      await manager.releaseLease(lease)
      await rejectsWith('LEASE_LOST', manager.renewLease(lease))
      assert.deepEqual(await store.published(manager), [])
    },
  )

  test('a release is reported to every watch, and may be repeated', ipv4Network, async (store) => {
    const one = await store.join(1)
    const two = await store.join(2)
    const observer = await store.observe(two.manager)
    await one.manager.releaseLease(one.lease)
    await observer.untilShows('the lease of node 2 alone', [two.lease])
    await one.manager.releaseLease(one.lease)
    assert.deepEqual(await store.published(two.manager), [published(two.lease)])
  })

  test('a release by a node that never held the subnet changes nothing', ipv4Network, async (store) => {
    const { manager, lease } = await store.join(1)
    await manager.releaseLease({ ...lease, attributes: attributesOf(2) })
    assert.deepEqual(await store.published(manager), [published(lease)])
  })

  test('a renewal by a node that does not hold the subnet changes nothing', ipv4Network, async (store) => {
    const { manager, lease } = await store.join(1)
    await rejectsWith('LEASE_LOST', manager.renewLease({ ...lease, attributes: attributesOf(2) }))
    assert.deepEqual(await store.published(manager), [published(lease)])
  })

  if (supports.allocation) {
    test(
      'a renewal of what another node holds rejects with LEASE_LOST and changes nothing',
      ipv4Network,
      async (store) => {
        const lost = await store.join(1)
        const taken = await moveToNode2(store, lost.lease)
        await rejectsWith('LEASE_LOST', lost.manager.renewLease(lost.lease))
        assert.deepEqual(await store.published(lost.manager), [published(taken.lease)])
        const renewed = await taken.manager.renewLease(taken.lease)
        assert.equal(published(renewed), published(taken.lease))
      },
    )

    test('a release of what another node holds by now changes nothing', ipv4Network, async (store) => {
      const lost = await store.join(1)
      const taken = await moveToNode2(store, lost.lease)
      await lost.manager.releaseLease(lost.lease)
      assert.deepEqual(await store.published(lost.manager), [published(taken.lease)])
    })

    test('a node that lost its lease acquires another', ipv4Network, async (store) => {
      const lost = await store.join(1)
      const taken = await moveToNode2(store, lost.lease)
      const lease = await lost.manager.acquireLease({ attributes: attributesOf(1), previous: lost.lease })
      assert.notEqual(lease.subnet, taken.lease.subnet)
    })
  }

  addressTests({ supports, test })
  if (supports.expiry) expiryTests({ supports, test })
}

/** A node's public address changes: DHCP gave it another, or an operator did. */
function addressTests({ supports, test }: Section): void {
  const elsewhere = attributesOf(101)

  test('a renewal under another address rewrites the lease in place', ipv4Network, async (store) => {
    const one = await store.join(1)
    const two = await store.join(2)
    const observer = await store.observe(two.manager)
    const moved = await one.manager.renewLease(one.lease, { attributes: elsewhere })
    assert.equal(published(moved), published({ ...one.lease, attributes: elsewhere }))
    await observer.untilShows('the lease under its new address', [moved, two.lease])
    const types = observer.events.map(({ type }) => type)
    assert.ok(!types.includes('delete'), `the lease was gone in between: ${types.join(', ')}`)
    const renewed = await one.manager.renewLease(moved)
    assert.equal(published(renewed), published(moved))
    const again = await one.manager.acquireLease({ attributes: elsewhere })
    assert.equal(published(again), published(moved))
    await observer.untilShows('the lease under its new address', [moved, two.lease])
  })

  test('a renewal under another address may be repeated', ipv4Network, async (store) => {
    const { manager, lease } = await store.join(1)
    const moved = await manager.renewLease(lease, { attributes: elsewhere })
    assert.equal(published(await manager.renewLease(lease, { attributes: elsewhere })), published(moved))
    const next = { ...elsewhere, backendData: { VNI: 1, sequence: 1 } }
    const changed = await manager.renewLease(moved, { attributes: next })
    assert.equal(published(changed), published({ ...lease, attributes: next }))
  })

  test(
    "a renewal under the address in another node's lease takes nothing from that",
    ipv4Network,
    async (store) => {
      const one = await store.join(1)
      const two = await store.join(2)
      const attributes = attributesOf(2, 7)
      const moved = await one.manager.renewLease(one.lease, { attributes })
      assert.equal(published(moved), published({ ...one.lease, attributes }))
      assert.deepEqual(await store.published(two.manager), [published(moved), published(two.lease)].sort())
      assert.equal(published(await two.manager.renewLease(two.lease)), published(two.lease))
    },
  )

  test(
    'a renewal under another address of what has been rewritten rejects with LEASE_LOST and changes nothing',
    ipv4Network,
    async (store) => {
      const { manager, lease } = await store.join(1)
      // Another process of the same public address: the node that was given the address that this one had.
      const other = await store.join(1, { attributes: attributesOf(1, 1) })
      assert.equal(other.lease.subnet, lease.subnet)
      await rejectsWith('LEASE_LOST', manager.renewLease(lease, { attributes: elsewhere }))
      assert.deepEqual(await store.published(manager), [published(other.lease)])
    },
  )

  test(
    'a renewal under another address of a lease that is gone rejects with LEASE_LOST',
    ipv4Network,
    async (store) => {
      const { manager, lease } = await store.join(1)
      await manager.releaseLease(lease)
      await rejectsWith('LEASE_LOST', manager.renewLease(lease, { attributes: elsewhere }))
      assert.deepEqual(await store.published(manager), [])
    },
  )

  if (supports.reservations) {
    test(
      'a renewal under another address keeps a reservation',
      ipv4Network,
      async (store) => {
        const reservation = { subnet: '10.99.15.0/24', attributes: attributesOf(1) }
        await store.reserve(reservation)
        const { manager, lease } = await store.join(1)
        const moved = await manager.renewLease(lease, { attributes: elsewhere })
        assert.equal(published(moved), published({ ...reservation, attributes: elsewhere }))
        assert.equal(moved.expiresAt, undefined)
        assert.deepEqual(await store.published(manager), [published(moved)])
        await manager.releaseLease(moved)
        assert.deepEqual(await store.published(manager), [published(moved)], 'a release took the reservation')
        if (!supports.expiry) return
        await store.advance(1.1 * store.leaseTermMs)
        assert.deepEqual(await store.published(manager), [published(moved)], 'the reservation ended')
      },
      EXPIRING,
    )
  }
}

function expiryTests({ supports, test }: Section): void {
  test(
    'a lease says when it ends, and a renewal extends it',
    ipv4Network,
    async (store) => {
      const { manager, lease } = await store.join(1)
      await store.advance(0.6 * store.leaseTermMs)
      const renewed = await manager.renewLease(lease)
      assert.ok(lease.expiresAt !== undefined && renewed.expiresAt !== undefined, 'a lease without an end')
      assert.ok(renewed.expiresAt > lease.expiresAt, `${renewed.expiresAt} is not after ${lease.expiresAt}`)
      await store.advance(0.6 * store.leaseTermMs)
      assert.equal((await store.leases(manager)).size, 1)
    },
    EXPIRING,
  )

  test(
    'a node that asks again extends its lease',
    ipv4Network,
    async (store) => {
      const { manager } = await store.join(1)
      await store.advance(0.6 * store.leaseTermMs)
      await manager.acquireLease({ attributes: attributesOf(1) })
      await store.advance(0.6 * store.leaseTermMs)
      assert.equal((await store.leases(manager)).size, 1)
    },
    EXPIRING,
  )

  test(
    'a lease that is not renewed ends, and every watch reports it',
    ipv4Network,
    async (store) => {
      const ending = await store.join(1)
      const other = await store.join(2)
      const observer = await store.observe(other.manager)
      await store.advance(0.6 * store.leaseTermMs)
      await other.manager.renewLease(other.lease)
      await store.advance(0.6 * store.leaseTermMs)
      await observer.untilShows('the lease of node 2 alone', [other.lease])
      await rejectsWith('LEASE_LOST', ending.manager.renewLease(ending.lease))
      await observer.untilShows('the lease of node 2 alone', [other.lease])
    },
    EXPIRING,
  )

  if (supports.allocation) {
    test(
      'the subnet of a lease that ended is free',
      ipv4Network,
      async (store) => {
        const { lease } = await store.join(1)
        await store.advance(1.1 * store.leaseTermMs)
        assert.equal((await store.join(2, { previous: lease })).lease.subnet, lease.subnet)
      },
      EXPIRING,
    )
  }
}
