import assert from 'node:assert/strict'
import { type Lease, leaseKey } from '@selvedge/core'
import { contains, requireCidr } from '@selvedge/core/kit'
import { rejectsWith } from '../assertions.js'
import {
  assertApart,
  attributesOf,
  EXPIRING,
  ipv4Network,
  joinAtOnce,
  nodes,
  type Section,
  SLOTS,
} from './fixture.js'
import { published } from './observer.js'

const within = (network: string, subnet: string) => contains(requireCidr(network), requireCidr(subnet))

export function acquireSection({ supports, test }: Section): void {
  test('leases a subnet of the network, with the attributes asked for', ipv4Network, async (store) => {
    const { manager, lease } = await store.join(1)
    assert.equal(requireCidr(lease.subnet ?? '').length, 24)
    assert.ok(within('10.99.0.0/16', lease.subnet ?? ''), `${lease.subnet} is outside the network`)
    assert.equal(lease.ipv6Subnet, undefined)
    assert.deepEqual(published(lease), published({ ...lease, attributes: attributesOf(1) }))
    assert.deepEqual([...(await store.leases(manager)).values()].map(published), [published(lease)])
  })

  test(
    'gives a node that asks again the same subnet, with its new attributes',
    ipv4Network,
    async (store) => {
      const { manager, lease } = await store.join(1)
      const again = await manager.acquireLease({ attributes: attributesOf(1, 1) })
      const restarted = await store.join(1, { attributes: attributesOf(1, 2) })
      assert.equal(again.subnet, lease.subnet)
      assert.equal(restarted.lease.subnet, lease.subnet)
      const wanted = { ...lease, attributes: attributesOf(1, 2) }
      assert.deepEqual([...(await store.leases(manager)).values()].map(published), [published(wanted)])
    },
  )

  test('gives one node that asks twice at once one subnet', ipv4Network, async (store) => {
    const [a, b] = [await store.connect(1), await store.connect(1)]
    const leases = await Promise.all([a, b, a, b].map((m) => m.acquireLease({ attributes: attributesOf(1) })))
    assert.equal(new Set(leases.map((lease) => lease.subnet)).size, 1)
    assert.equal((await store.leases(a)).size, 1)
  })

  test('publishes what `adopt` makes of the lease that it finds', ipv4Network, async (store) => {
    const { lease } = await store.join(1, { attributes: attributesOf(1, 7) })
    let found: Lease | undefined
    const { manager, lease: adopted } = await store.join(1, {
      adopt: (held) => {
        found = held
        return { ...attributesOf(1, 8), backendData: held.attributes.backendData }
      },
    })
    assert.ok(found, '`adopt` was not called')
    assert.equal(published(found), published(lease))
    const wanted = published({ ...lease, attributes: attributesOf(1, 7) })
    assert.equal(published(adopted), wanted)
    assert.deepEqual([...(await store.leases(manager)).values()].map(published), [wanted])
  })

  test('does not call `adopt` if the node holds no lease', ipv4Network, async (store) => {
    await store.join(2)
    const { lease } = await store.join(1, { adopt: () => assert.fail('`adopt` was called') })
    assert.equal(published(lease), published({ ...lease, attributes: attributesOf(1) }))
  })

  if (supports.versions) versionTests({ supports, test })
  if (supports.allocation) allocationTests({ supports, test })
}

function versionTests({ test }: Section): void {
  test('counts the writes of a record, also those that change nothing', ipv4Network, async (store) => {
    const { manager, lease } = await store.join(1)
    assert.equal(lease.version, lease.created, 'a new record is of its first version')
    const observer = await store.observe(manager)
    const versions = [lease]
    versions.push((await store.join(1)).lease)
    versions.push(await manager.renewLease(lease, { rewrite: true }))
    for (const [index, { created, version = 0 }] of versions.entries()) {
      assert.equal(created, lease.created)
      if (index > 0)
        assert.ok(version > (versions[index - 1]?.version ?? 0), `${version} is no later version`)
    }
    const last = versions.at(-1)?.version
    await observer.until('the last version', () => observer.leases.get(leaseKey(lease))?.version === last)
    const [listed] = (await store.leases(manager)).values()
    assert.deepEqual([listed?.created, listed?.version], [lease.created, last])
  })
}

function allocationTests({ supports, test }: Section): void {
  test("takes none of the node's leases that are excluded, and deletes none", ipv4Network, async (store) => {
    const { lease: first } = await store.join(1)
    const { lease: second, manager } = await store.join(1, { excluded: [first] })
    assertApart([first, second])
    assert.deepEqual(
      await store.published(manager),
      [first, second].map(published).sort(),
      "an excluded lease is another node's",
    )
    const named = await store.join(1, { previous: second })
    assert.equal(named.lease.subnet, second.subnet, 'of several leases the one that `previous` names is kept')
    const other = await store.join(1, { excluded: [second], previous: second })
    assert.equal(other.lease.subnet, first.subnet)
  })

  test('leases the previous subnet again if it is free', ipv4Network, async (store) => {
    const previous = { subnet: '10.99.27.0/24' }
    assert.equal((await store.join(1, { previous })).lease.subnet, previous.subnet)
    const second = await store.join(2, { previous })
    assert.notEqual(second.lease.subnet, previous.subnet)
  })

  for (const [what, subnet] of [
    ['outside the network', '10.98.27.0/24'],
    ['below SubnetMin', '10.99.9.0/24'],
    ['above SubnetMax', '10.99.34.0/24'],
    ['of another length', '10.99.26.0/23'],
  ] as const) {
    test(
      `leases no previous subnet that the network config excludes: ${what}`,
      ipv4Network,
      async (store) => {
        const { lease } = await store.join(1, { previous: { subnet } })
        assert.notEqual(lease.subnet, subnet)
        const third = Number(lease.subnet?.split('.')[2])
        assert.ok(third >= 10 && third <= 33, `${lease.subnet} is not between SubnetMin and SubnetMax`)
      },
    )
  }

  test(
    `gives nodes that ask at once a subnet each, and all there are: ${SLOTS}`,
    ipv4Network,
    async (store) => {
      const leases = await joinAtOnce(store, nodes(SLOTS))
      assertApart(leases)
      assert.equal((await store.leases(await store.connect(1))).size, SLOTS)
    },
  )

  test('gives nodes that ask at once for one previous subnet one each', ipv4Network, async (store) => {
    const previous = { subnet: '10.99.20.0/24' }
    const leases = await joinAtOnce(store, nodes(8), (node) => ({ attributes: attributesOf(node), previous }))
    assertApart(leases)
    assert.equal(leases.filter((lease) => lease.subnet === previous.subnet).length, 1)
  })

  test('rejects with SUBNETS_EXHAUSTED while none is free', ipv4Network, async (store) => {
    const [first] = await joinAtOnce(store, nodes(SLOTS))
    assert.ok(first)
    const late = await store.connect(SLOTS + 1)
    await rejectsWith('SUBNETS_EXHAUSTED', late.acquireLease({ attributes: attributesOf(SLOTS + 1) }))
    assert.equal((await store.leases(late)).size, SLOTS)
    const holder = await store.connect(1)
    assert.equal((await holder.acquireLease({ attributes: attributesOf(1) })).subnet, first.subnet)
    await holder.releaseLease(first)
    const freed = await late.acquireLease({ attributes: attributesOf(SLOTS + 1) })
    assert.equal(freed.subnet, first.subnet)
  })

  if (supports.foreignRecords) {
    test(
      'leaves every subnet to nodes, whatever records outside the network or as wide say',
      ipv4Network,
      async (store) => {
        const value = '{"PublicIP":"192.0.2.200","BackendType":"vxlan"}'
        for (const key of ['10.99.5.7-8', '10.0.0.0-8', '10.99.0.0-16', '10.98.0.0-15']) {
          await store.putRecord(key, key === '10.99.5.7-8' ? 'x' : value)
        }
        assertApart(await joinAtOnce(store, nodes(SLOTS)))
      },
    )
  }

  if (supports.versions) formerTests({ supports, test })

  if (supports.configChanges) {
    test('gives up a lease outside the network for a new one', ipv4Network, async (store) => {
      const { manager, lease } = await store.join(1)
      const observer = await store.observe(manager)
      await store.setNetworkConfig({ ...ipv4Network, SubnetMin: '10.99.40.0', SubnetMax: '10.99.63.0' })
      await manager.getNetworkConfig()
      const { lease: moved } = await store.join(1)
      assert.notEqual(moved.subnet, lease.subnet)
      assert.ok(within('10.99.32.0/19', moved.subnet ?? ''), `${moved.subnet} is outside the network`)
      await observer.untilShows('the new lease alone', [moved])
    })
  }

  if (supports.reservations) reservationTests({ supports, test })
}

/** A node that comes back under another public address: DHCP gave it another while it was away. */
function formerTests({ supports, test }: Section): void {
  const attributes = attributesOf(101)

  test('rewrites a former lease in place for a node that has another address', ipv4Network, async (store) => {
    const { lease: former } = await store.join(1, { attributes: attributesOf(1, 7) })
    const { manager, lease: other } = await store.join(2)
    const observer = await store.observe(manager)
    const adopt = (held: Lease) => ({ ...attributes, backendData: held.attributes.backendData })
    const { lease } = await store.join(101, { attributes, adopt, former })
    const wanted = { ...former, attributes: { ...attributes, backendData: former.attributes.backendData } }
    assert.equal(published(lease), published(wanted))
    assert.equal(lease.created, former.created)
    await observer.untilShows('the lease under its new address', [wanted, other])
    const types = observer.events.map(({ type }) => type)
    assert.ok(!types.includes('delete'), `the lease was gone in between: ${types.join(', ')}`)
  })

  test("takes no other node's lease for a node that has its former one", ipv4Network, async (store) => {
    const { lease: former } = await store.join(1)
    const { manager, lease: ofTheAddress } = await store.join(101)
    const { lease } = await store.join(101, { attributes: attributesOf(101, 5), former })
    assert.equal(lease.subnet, former.subnet)
    assert.deepEqual(await store.published(manager), [lease, ofTheAddress].map(published).sort())
  })

  test(
    'takes no former lease that has been written since, though it says the same',
    ipv4Network,
    async (store) => {
      const { manager, lease: former } = await store.join(1)
      // The node that got the address meanwhile has found the lease by it.
      const { lease: taken } = await store.join(1)
      assert.equal(published(taken), published(former))
      const { lease } = await store.join(101, { attributes, former })
      assertApart([taken, lease])
      assert.deepEqual(await store.published(manager), [taken, lease].map(published).sort())
    },
  )

  test(
    'leases the former subnet to a node whose lease is gone, if it is free',
    ipv4Network,
    async (store) => {
      const { manager, lease: former } = await store.join(1)
      await manager.releaseLease(former)
      const { lease } = await store.join(101, { attributes, former, previous: former })
      assert.equal(lease.subnet, former.subnet)
      const { lease: again } = await store.join(102, {
        attributes: attributesOf(102),
        former,
        previous: former,
      })
      assertApart([lease, again])
    },
  )

  if (supports.reservations) {
    test('keeps a former reservation for a node that has another address', ipv4Network, async (store) => {
      await store.reserve({ subnet: '10.99.15.0/24', attributes: attributesOf(1) })
      const { manager, lease: former } = await store.join(1)
      const { lease } = await store.join(101, { attributes, former })
      assert.equal(published(lease), published({ ...former, attributes }))
      assert.equal(lease.expiresAt, undefined)
      await manager.releaseLease(lease)
      assert.deepEqual(await store.published(manager), [published(lease)], 'a release took the reservation')
    })
  }
}

function reservationTests({ supports, test }: Section): void {
  const reservation: Lease = { subnet: '10.99.15.0/24', attributes: attributesOf(1) }

  test(
    'gives a node its reservation, which stays one',
    ipv4Network,
    async (store) => {
      await store.reserve(reservation)
      const { manager, lease } = await store.join(1, { attributes: attributesOf(1, 1) })
      assert.equal(lease.subnet, reservation.subnet)
      assert.equal(lease.expiresAt, undefined)
      const renewed = await manager.renewLease({ ...lease, attributes: attributesOf(1, 2) })
      assert.equal(renewed.expiresAt, undefined)
      const [kept] = (await store.leases(manager)).values()
      assert.ok(kept)
      assert.equal(kept.expiresAt, undefined)
      assert.equal(published(kept), published({ ...reservation, attributes: attributesOf(1, 2) }))
      await manager.releaseLease(renewed)
      assert.equal((await store.leases(manager)).size, 1, 'a release took the reservation')
      if (!supports.expiry) return
      await store.advance(1.1 * store.leaseTermMs)
      assert.equal((await store.leases(manager)).size, 1)
    },
    EXPIRING,
  )

  test('gives no other node a reserved subnet', ipv4Network, async (store) => {
    await store.reserve(reservation)
    const others = nodes(SLOTS).slice(1)
    const asked = { previous: { subnet: reservation.subnet } }
    const leases = await joinAtOnce(store, others, (node) => ({ attributes: attributesOf(node), ...asked }))
    assertApart([...leases, reservation])
    const late = await store.connect(SLOTS + 1)
    await rejectsWith(
      'SUBNETS_EXHAUSTED',
      late.acquireLease({ attributes: attributesOf(SLOTS + 1), ...asked }),
    )
  })

  test('gives no subnet that a reservation of another length overlaps', ipv4Network, async (store) => {
    await store.reserve({ subnet: '10.99.12.0/22', attributes: attributesOf(100) })
    await store.reserve({ subnet: '10.99.20.128/25', attributes: attributesOf(101) })
    const taken = ['10.99.12.0/24', '10.99.13.0/24', '10.99.14.0/24', '10.99.15.0/24', '10.99.20.0/24']
    const leases = await joinAtOnce(store, nodes(SLOTS - taken.length))
    assertApart([...leases, ...taken.map((subnet) => ({ subnet, attributes: {} }))])
    const late = await store.connect(SLOTS)
    await rejectsWith('SUBNETS_EXHAUSTED', late.acquireLease({ attributes: attributesOf(SLOTS) }))
  })
}
