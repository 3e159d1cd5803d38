import { setTimeout as sleep } from 'node:timers/promises'
import { Watcher } from '@selvedge/lab'
import { describe, it } from 'vitest'
import { NatsServer } from './nats-server.js'
import { attributesOf, ipv4Network, TestNetwork } from './network.js'

const VALUE = '{"PublicIP":"192.0.2.50"}'

describe.concurrent('a watch', () => {
  it('goes on where it was when NATS is killed and comes back, without a new snapshot', async ({
    expect,
  }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats])
    await using watcher = await Watcher.on(network.manager({ requestTimeoutMs: 1_000 }))
    await network.put('10.99.1.0-24', VALUE)
    await watcher.untilShows('10.99.1.0-24')
    await nats.kill()
    await watcher.until('error', () => watcher.errors.length > 0)
    await nats.restart()
    await network.put('10.99.2.0-24', VALUE)
    await network.delete('10.99.1.0-24')
    await network.put('10.99.3.0-24', VALUE)
    await watcher.untilShows('10.99.2.0-24', '10.99.3.0-24')
    expect(watcher.events.map(({ type }) => type)).toEqual(['snapshot', 'put', 'put', 'delete', 'put'])
    expect(watcher.errors[0]).toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })

  it('misses nothing while NATS is killed time and again under writes', async ({ expect }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats])
    await using watcher = await Watcher.on(network.manager({ requestTimeoutMs: 1_000 }))
    const names: string[] = []
    for (let round = 0; round < 3; round += 1) {
      const batch = Array.from({ length: 40 }, (_, index) => `10.99.${40 * round + index}.0-24`)
      names.push(...batch)
      const writing = Promise.all(batch.map((name) => network.put(name, VALUE)))
      await nats.kill()
      await nats.restart()
      await writing
    }
    await watcher.untilShows(...names)
    expect(watcher.snapshots).toBe(1)
  })

  it('detects a NATS that is frozen, and goes on when it thaws', async ({ expect }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats])
    await using watcher = await Watcher.on(network.manager({ requestTimeoutMs: 1_000 }))
    nats.freeze()
    await watcher.until('error', () => watcher.errors.length > 0)
    expect(watcher.errors[0]).toMatchObject({ code: 'STORE_UNAVAILABLE' })
    nats.thaw()
    await network.put('10.99.1.0-24', VALUE)
    await watcher.untilShows('10.99.1.0-24')
    expect(watcher.snapshots).toBe(1)
  })

  it('reports a snapshot with storeWasReset if the leases were deleted with their bucket, and made again', async ({
    expect,
  }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats])
    await network.put('10.99.1.0-24', VALUE)
    await using watcher = await Watcher.on(network.manager())
    await watcher.untilShows('10.99.1.0-24')
    await network.api(`STREAM.DELETE.KV_${network.leases}`)
    await watcher.until('a reset', () => watcher.events.some((event) => 'storeWasReset' in event))
    expect(watcher.keys).toEqual([])
    await network.setConfig(ipv4Network)
    const lease = await network.manager().acquireLease({ attributes: attributesOf(1) })
    await watcher.untilShowsLease(lease)
  })

  it('reports a snapshot with storeWasReset if an operator has purged the leases', async ({ expect }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats])
    for (const number of [1, 2, 3]) await network.put(`10.99.${number}.0-24`, VALUE)
    await using watcher = await Watcher.on(network.manager())
    expect(watcher.keys).toHaveLength(3)
    await network.api(`STREAM.PURGE.KV_${network.leases}`)
    await watcher.until('a reset', () => watcher.events.some((event) => 'storeWasReset' in event))
    expect(watcher.keys).toEqual([])
    await network.put('10.99.4.0-24', VALUE)
    await watcher.untilShows('10.99.4.0-24')
  })

  it('reports a snapshot with storeWasReset if NATS comes back without its data', async ({ expect }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats])
    for (const number of [1, 2, 3]) await network.put(`10.99.${number}.0-24`, VALUE)
    await using watcher = await Watcher.on(network.manager({ requestTimeoutMs: 1_000 }))
    expect(watcher.keys).toHaveLength(3)
    await nats.forget()
    await network.setConfig(ipv4Network)
    const lease = await network.manager().acquireLease({ attributes: attributesOf(1) })
    await watcher.until('the new lease alone', () => watcher.keys.length === 1)
    await watcher.untilShowsLease(lease)
    expect(watcher.events.some((event) => 'storeWasReset' in event)).toBe(true)
  })

  it('reports what is not a lease once each, and all others as before', async ({ expect }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats])
    await network.put('10.99.1.0-24', VALUE)
    await network.put('10.99.2.0-24', 'garbage')
    await using watcher = await Watcher.on(network.manager())
    await network.put('somebody.elses', VALUE)
    await network.put('10.99.3.7-24', VALUE)
    await network.put('10.99.4.0-24', '{"PublicIP":7}')
    await network.put('10.99.5.0-24', VALUE)
    await watcher.untilShows('10.99.1.0-24', '10.99.5.0-24')
    await watcher.until('four errors', () => watcher.errors.length === 4)
    expect(watcher.errors.map((error) => (error as { code?: unknown }).code)).toEqual(
      Array.from({ length: 4 }, () => 'INVALID_LEASE'),
    )
    // A lease that is overwritten with garbage ends.
    await network.put('10.99.5.0-24', 'garbage')
    await watcher.untilShows('10.99.1.0-24')
    const lease = await network.manager().acquireLease({
      attributes: attributesOf(1),
      previous: { subnet: '10.99.2.0/24' },
    })
    expect(lease.subnet, 'no node leases what a bad key names').not.toBe('10.99.2.0/24')
  })

  it('shows each change of one lease, however fast they follow each other', async ({ expect }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats])
    await using watcher = await Watcher.on(network.manager())
    const values = Array.from({ length: 50 }, (_, index) => `{"PublicIP":"192.0.2.${index + 1}"}`)
    await Promise.all(values.map((value) => network.put('10.99.1.0-24', value)))
    await watcher.until('50 changes', () => watcher.events.length > 50)
    const seen = watcher.events.flatMap((event) =>
      event.type === 'put' ? event.lease.attributes.publicIp : [],
    )
    expect(seen.map((publicIp) => `{"PublicIP":"${publicIp}"}`)).toEqual(values)
  })

  it('shows a reservation that was cancelled no more, also when the marks of deleted leases have ended', async ({
    expect,
  }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats], 'none')
    const manager = network.manager({ leaseTermMs: 5_000 })
    await manager.setNetworkConfig(ipv4Network)
    const reservation = { subnet: '10.99.7.0/24', attributes: attributesOf(7) }
    await manager.reserve(reservation)
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    await manager.releaseLease(lease)
    await manager.cancelReservation(reservation)
    await using watcher = await Watcher.on(network.manager())
    // The mark of the lease, and NATS' own that follows it, last so long each.
    await sleep(11_000)
    expect(await manager.reservations()).toEqual([])
    expect(watcher.keys).toEqual([])
    await using later = await Watcher.on(network.manager())
    expect(later.keys).toEqual([])
  })

  it('shows nothing of another network on the same server', async ({ expect }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats])
    await using other = await TestNetwork.in([nats])
    await using watcher = await Watcher.on(network.manager())
    await other.put('10.99.7.0-24', VALUE)
    await network.put('10.99.8.0-24', VALUE)
    await watcher.untilShows('10.99.8.0-24')
    expect(watcher.events.map(({ type }) => type)).toEqual(['snapshot', 'put'])
  })

  it('shows a node that was cut off for longer than its lease which node has its subnet now', async ({
    expect,
  }) => {
    await using nats = await NatsServer.start()
    await using network = await TestNetwork.in([nats], 'none')
    // The first to come makes the bucket, with this term.
    const other = network.manager({ leaseTermMs: 5_000 })
    await other.setNetworkConfig(ipv4Network)
    const gone = network.manager({ leaseTermMs: 5_000 })
    await using watcher = await Watcher.on(other)
    const lost = await gone.acquireLease({ attributes: attributesOf(1) })
    await watcher.untilShowsLease(lost)
    await watcher.untilShows()
    const taken = await other.acquireLease({ attributes: attributesOf(2), previous: lost })
    expect(taken.subnet).toBe(lost.subnet)
    await expect(gone.renewLease(lost)).rejects.toMatchObject({
      code: 'LEASE_LOST',
      message: expect.stringContaining('it is held by 192.0.2.2 now'),
    })
    await gone.releaseLease(lost)
    const next = await gone.acquireLease({ attributes: attributesOf(1), previous: lost })
    expect(next.subnet).not.toBe(taken.subnet)
  })
})
