import assert from 'node:assert/strict'
import { requireCidr } from '@selvedge/core/kit'
import { rejectsWith } from '../assertions.js'
import {
  assertApart,
  attributesOf,
  dualStackNetwork,
  ipv6AttributesOf,
  ipv6Network,
  joinAtOnce,
  nodes,
  type Section,
  SLOTS,
} from './fixture.js'
import { published } from './observer.js'

const ipv6Request = (node: number) => ({ attributes: ipv6AttributesOf(node) })

export function familySection({ supports, test }: Section): void {
  test('leases a subnet of each family in a dual-stack network', dualStackNetwork, async (store) => {
    const attributes = { ...attributesOf(1), ...ipv6AttributesOf(1) }
    const { manager, lease } = await store.join(1, { attributes })
    assert.equal(requireCidr(lease.subnet ?? '').length, 24)
    assert.equal(requireCidr(lease.ipv6Subnet ?? '').length, 64)
    const again = await manager.acquireLease({ attributes })
    assert.equal(published(again), published({ ...lease, attributes }))
    const renewed = await manager.renewLease(again)
    assert.deepEqual([...(await store.leases(manager)).values()].map(published), [published(renewed)])
    await manager.releaseLease(renewed)
    assert.equal((await store.leases(manager)).size, 0)
  })

  test(
    'leases no IPv4 subnet if IPv4 is off, and knows nodes by their IPv6 address',
    ipv6Network,
    async (store) => {
      const one = await store.join(1, ipv6Request(1))
      const two = await store.join(2, ipv6Request(2))
      assert.equal(one.lease.subnet, undefined)
      assert.equal(requireCidr(one.lease.ipv6Subnet ?? '').length, 64)
      assertApart([one.lease, two.lease])
      const again = await store.join(1, ipv6Request(1))
      assert.equal(again.lease.ipv6Subnet, one.lease.ipv6Subnet)
      await rejectsWith(
        'LEASE_LOST',
        two.manager.renewLease({ ...one.lease, attributes: ipv6AttributesOf(2) }),
      )
      assert.equal(published(await one.manager.renewLease(one.lease)), published(one.lease))
      assert.equal((await store.leases(two.manager)).size, 2)
    },
  )

  test('renews a lease under another IPv6 address in place if IPv4 is off', ipv6Network, async (store) => {
    const one = await store.join(1, ipv6Request(1))
    const two = await store.join(2, ipv6Request(2))
    const moved = await one.manager.renewLease(one.lease, ipv6Request(101))
    assert.equal(published(moved), published({ ...one.lease, ...ipv6Request(101) }))
    assert.deepEqual(await store.published(two.manager), [published(moved), published(two.lease)].sort())
  })

  if (!supports.allocation) return

  test('leases the previous subnet of each family again', dualStackNetwork, async (store) => {
    const previous = { subnet: '10.99.21.0/24', ipv6Subnet: 'fd99:0:0:15::/64' }
    const { lease } = await store.join(1, { previous })
    assert.deepEqual({ subnet: lease.subnet, ipv6Subnet: lease.ipv6Subnet }, previous)
  })

  for (const [what, network] of [
    ['a dual-stack', dualStackNetwork],
    ['an IPv6-only', ipv6Network],
  ] as const) {
    test(
      `gives nodes that ask at once a subnet each, and all there are: ${SLOTS} of ${what} network`,
      network,
      async (store) => {
        const request = network === ipv6Network ? ipv6Request : undefined
        const leases = await joinAtOnce(store, nodes(SLOTS), request)
        assertApart(leases)
        assert.equal(new Set(leases.map((lease) => lease.ipv6Subnet)).size, SLOTS)
        const late = await store.connect(SLOTS + 1)
        const attributes = { ...attributesOf(SLOTS + 1), ...ipv6AttributesOf(SLOTS + 1) }
        await rejectsWith('SUBNETS_EXHAUSTED', late.acquireLease({ attributes }))
      },
    )
  }

  if (!supports.reservations) return

  test('gives no subnet that a lease of either family overlaps', dualStackNetwork, async (store) => {
    await store.reserve({ subnet: '10.99.16.0/22', attributes: attributesOf(100) })
    await store.reserve({
      subnet: '10.99.9.0/24',
      ipv6Subnet: 'fd99:0:0:18::/63',
      attributes: attributesOf(101),
    })
    const leases = await joinAtOnce(store, nodes(SLOTS - 4))
    assertApart([...leases, { subnet: '10.99.16.0/24', ipv6Subnet: 'fd99:0:0:18::/64', attributes: {} }])
    assertApart([...leases, { subnet: '10.99.19.0/24', ipv6Subnet: 'fd99:0:0:19::/64', attributes: {} }])
    const late = await store.connect(SLOTS)
    await rejectsWith('SUBNETS_EXHAUSTED', late.acquireLease({ attributes: attributesOf(SLOTS) }))
  })
}
