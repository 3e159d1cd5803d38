import assert from 'node:assert/strict'
import { rejectsWith } from '../assertions.js'
import { administrator } from './administrator.js'
import { attributesOf, ipv4Network, type Section } from './fixture.js'
import { published } from './observer.js'

export function cancellationSection({ test }: Section): void {
  const reservation = { subnet: '10.99.12.0/24', attributes: attributesOf(100) }

  test(
    'deletes a reservation, whose subnet is free then; of one that is gone, nothing',
    ipv4Network,
    async (store) => {
      const manager = await administrator(store, 1, 'cancellation')
      const kept = { subnet: '10.99.20.0/22', attributes: attributesOf(101) }
      await manager.reserve(kept)
      const made = await manager.reserve(reservation)
      const observer = await store.observe(await store.connect(2))
      await manager.cancelReservation(made)
      await observer.until('the reservation to be gone', () => observer.leases.size === 1)
      assert.deepEqual((await manager.reservations()).map(published), [published(kept)])
      await manager.cancelReservation(made)
      const { lease } = await store.join(3, { previous: { subnet: reservation.subnet } })
      assert.equal(lease.subnet, reservation.subnet)
    },
  )

  test('deletes the reservation that a node uses, as it was listed', ipv4Network, async (store) => {
    const manager = await administrator(store, 1, 'cancellation')
    await manager.reserve(reservation)
    const { lease } = await store.join(100)
    assert.equal(lease.subnet, reservation.subnet)
    const [listed] = await manager.reservations()
    assert.ok(listed)
    await manager.cancelReservation(listed)
    assert.equal((await store.leases(manager)).size, 0)
  })

  test("deletes neither another node's reservation nor a lease that ends", ipv4Network, async (store) => {
    const manager = await administrator(store, 1, 'cancellation')
    await manager.reserve(reservation)
    const { lease } = await store.join(2)
    const before = await store.published(manager)
    await rejectsWith(
      'LEASE_CONFLICT',
      manager.cancelReservation({ ...reservation, attributes: attributesOf(101) }),
    )
    await rejectsWith('LEASE_CONFLICT', manager.cancelReservation(lease))
    // What only overlaps it is another record.
    await manager.cancelReservation({ ...reservation, subnet: '10.99.12.0/25' })
    assert.deepEqual(await store.published(manager), before)
  })

  test('cancels nothing once the signal aborts, or once disposed of', ipv4Network, async (store) => {
    const manager = await administrator(store, 1, 'cancellation')
    const made = await manager.reserve(reservation)
    const reason = { why: 'aborted before' }
    const [aborted] = await Promise.allSettled([
      manager.cancelReservation(made, { signal: AbortSignal.abort(reason) }),
    ])
    assert.equal(aborted.status === 'rejected' && aborted.reason, reason)
    await manager[Symbol.asyncDispose]()
    await store.within('cancelReservation', rejectsWith('CLOSED', manager.cancelReservation(made)))
    const other = await administrator(store, 2, 'cancellation')
    assert.deepEqual((await other.reservations()).map(published), [published(reservation)])
  })
}
