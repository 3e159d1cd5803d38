import assert from 'node:assert/strict'
import type { Lease, LeaseEvent, SubnetManager } from '@selvedge/core'
import { failureOf, rejectsWith } from '../assertions.js'
import { attributesOf, ipv4Network, type Section } from './fixture.js'
import { type LeaseObserver, published } from './observer.js'

/** How often each node renews in the test of concurrent writes. */
const RENEWALS = 25

export function watchSection({ supports, test }: Section): void {
  test('reports a snapshot first, even if there is no lease', ipv4Network, async (store) => {
    const observer = await store.observe(await store.connect(1))
    assert.deepEqual(observer.events, [{ type: 'snapshot', leases: [] }])
  })

  test("reports every lease, its own node's among them, then each change", ipv4Network, async (store) => {
    const one = await store.join(1)
    const two = await store.join(2)
    const observer = await store.observe(one.manager)
    assert.deepEqual(
      [...observer.leases.values()].map(published).sort(),
      [one, two].map((n) => published(n.lease)).sort(),
    )
    const three = await store.join(3)
    await observer.untilShows('a third lease', [one.lease, two.lease, three.lease])
    const changed = await two.manager.renewLease({ ...two.lease, attributes: attributesOf(2, 1) })
    await observer.untilShows('changed attributes', [one.lease, changed, three.lease])
    await three.manager.releaseLease(three.lease)
    await observer.untilShows('two leases again', [one.lease, changed])
  })

  test('misses no change and reports none twice, whenever it starts', ipv4Network, async (store) => {
    const writers = await Promise.all([1, 2, 3, 4].map((node) => store.join(node)))
    const comer = await store.connect(5)
    const observers: LeaseObserver[] = []
    const renew = async ({ manager, lease }: (typeof writers)[number], node: number) => {
      for (let sequence = 1; sequence <= RENEWALS; sequence += 1) {
        await manager.renewLease({ ...lease, attributes: attributesOf(node, sequence) })
      }
    }
    const comeAndGo = async () => {
      for (let round = 0; round < RENEWALS; round += 1) {
        // A release counts for one: see `assertUnbroken`.
        await comer.releaseLease(await comer.acquireLease({ attributes: attributesOf(5, 2 * round + 1) }))
      }
    }
    const watch = async () => {
      for (let count = 0; count < 6; count += 1) observers.push(await store.observe(await store.connect(6)))
    }
    await Promise.all([...writers.map((writer, index) => renew(writer, index + 1)), comeAndGo(), watch()])

    const last = writers.map(({ lease }, index) => ({
      ...lease,
      attributes: attributesOf(index + 1, RENEWALS),
    }))
    for (const observer of observers) {
      await observer.untilShows('the last renewal of each node', last)
      assertUnbroken(observer.events)
    }
  })

  test('brings a consumer that fell behind up to date', ipv4Network, async (store) => {
    const { manager, lease } = await store.join(1)
    const observer = await store.observe(manager)
    const resume = observer.pause()
    const other = await store.join(2)
    for (let sequence = 1; sequence <= RENEWALS; sequence += 1) {
      await manager.renewLease({ ...lease, attributes: attributesOf(1, sequence) })
    }
    await other.manager.releaseLease(other.lease)
    resume()
    await observer.untilShows('the last state', [{ ...lease, attributes: attributesOf(1, RENEWALS) }])
    assertUnbroken(observer.events)
  })

  test('ends without an error when its signal aborts, while it waits', ipv4Network, async (store) => {
    const observer = await store.observe(await store.connect(1))
    await store.within('ending', observer.stop())
    assert.equal(await observer.ending(), undefined)
  })

  test('ends without an event if its signal was aborted before', ipv4Network, async (store) => {
    const { manager } = await store.join(1)
    const watch = manager.watchLeases({ signal: AbortSignal.abort(new Error('before')) })
    assert.deepEqual(await store.within('ending', collect(watch)), [])
  })

  test(
    'ends without another event when its signal aborts while the consumer works',
    ipv4Network,
    async (store) => {
      const { manager } = await store.join(1)
      const abort = new AbortController()
      const events: LeaseEvent[] = []
      const consume = async (source: SubnetManager) => {
        for await (const event of source.watchLeases({ signal: abort.signal })) {
          events.push(event)
          await store.join(2)
          await store.join(3)
          abort.abort(new Error('while it works'))
        }
      }
      await store.within('ending', consume(manager))
      assert.equal(events.length, 1)
    },
  )

  test('ends when the consumer leaves its loop, and harms no other watch', ipv4Network, async (store) => {
    const { manager, lease } = await store.join(1)
    const other = await store.observe(manager)
    const abort = new AbortController()
    for await (const _ of manager.watchLeases({ signal: abort.signal })) break
    const { lease: next } = await store.join(2)
    await other.untilShows('the next lease', [lease, next])
  })

  if (supports.foreignRecords) {
    test('reports a record that is not a lease, and goes on with the others', ipv4Network, async (store) => {
      const one = await store.join(1)
      await store.putRecord('10.99.11.0-24', 'this is no lease')
      const observer = await store.observe(one.manager)
      await store.putRecord('no-subnet', '{"PublicIP":"192.0.2.77"}')
      const two = await store.join(2, { previous: { subnet: '10.99.11.0/24' } })
      await observer.untilShows('both leases', [one.lease, two.lease])
      await observer.until('both errors', () => observer.errors.length === 2)
      await store.join(3)
      const codes = observer.errors.map((error) => Reflect.get(error, 'code'))
      assert.deepEqual(codes, ['INVALID_LEASE', 'INVALID_LEASE'], 'each bad record is reported once')
      if (supports.allocation) {
        assert.notEqual(
          two.lease.subnet,
          '10.99.11.0/24',
          'a subnet was leased over a record that is not a lease',
        )
      }
    })
  }

  if (supports.interruptions) {
    test('survives an outage of the store', ipv4Network, async (store) => {
      const one = await store.join(1)
      const observer = await store.observe(one.manager)
      let renewal: Promise<unknown> = Promise.resolve()
      await store.interrupt(async () => {
        const abort = new AbortController()
        const reason = { why: 'no more time' }
        const aborted = failureOf(one.manager.renewLease(one.lease, { signal: abort.signal }))
        renewal = one.manager
          .renewLease(one.lease)
          .catch((error) => rejectsWith('STORE_UNAVAILABLE', Promise.reject(error)))
        await new Promise((resolve) => setImmediate(resolve))
        abort.abort(reason)
        assert.equal(await store.within('an aborted renewal', aborted), reason)
      })
      await store.within('a renewal begun meanwhile', renewal)
      const two = await store.join(2)
      await observer.untilShows('what changed afterwards', [one.lease, two.lease])
      const [problem] = observer.errors
      if (problem !== undefined) {
        assert.ok(
          ['STORE_UNAVAILABLE', 'ACCESS_DENIED'].includes(Reflect.get(problem, 'code')),
          String(problem),
        )
      }
    })
  }
}

async function collect(events: AsyncIterable<LeaseEvent>): Promise<LeaseEvent[]> {
  const all: LeaseEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

/**
 * Each change of a node's lease increments its `sequence`, and its release counts as one too: every put must be the one
 * after what was last reported of that node, and no snapshot may go back.
 */
function assertUnbroken(events: readonly LeaseEvent[]): void {
  let reported = new Map<string | undefined, number>()
  for (const [index, event] of events.entries()) {
    const where = `event ${index}, a ${event.type},`
    if (event.type === 'snapshot') {
      const shown = new Map(event.leases.map((lease) => [lease.attributes.publicIp, sequenceOf(lease)]))
      for (const [node, sequence] of shown) {
        assert.ok(
          sequence >= (reported.get(node) ?? 0),
          `${where} goes back to change ${sequence} of ${node}`,
        )
      }
      reported = shown
      continue
    }
    const node = event.lease.attributes.publicIp
    const last = reported.get(node)
    if (event.type === 'delete') {
      reported.set(node, (last ?? 0) + 1)
      continue
    }
    const sequence = sequenceOf(event.lease)
    assert.equal(
      sequence,
      last === undefined ? sequence : last + 1,
      `${where} of ${node} follows change ${last}`,
    )
    reported.set(node, sequence)
  }
}

const sequenceOf = ({ attributes }: Lease): number =>
  Number(Reflect.get(Object(attributes.backendData), 'sequence'))
