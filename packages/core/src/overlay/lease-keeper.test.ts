import { FakeClock } from '@selvedge/conformance'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lease, LeaseAttributes } from '../lease/lease.js'
import { OverlayError } from '../util/errors.js'
import { LeaseKeeper, type LeaseKeeperEvent } from './lease-keeper.js'

const HOUR = 3_600_000
const OTHER: LeaseAttributes = { publicIp: '192.0.2.99', backendType: 'vxlan' }

describe('LeaseKeeper', () => {
  let clock: FakeClock
  let store: MemoryStore
  let subnets: MemorySubnetManager
  let stop: AbortController
  let published: LeaseAttributes
  let events: LeaseKeeperEvent['type'][]
  let errors: OverlayError[]
  let networkStands: boolean
  let earlier: Lease | undefined

  beforeEach(() => {
    clock = new FakeClock()
    store = new MemoryStore({ config: { Network: '10.244.0.0/16' }, leaseTermMs: 24 * HOUR, clock })
    subnets = new MemorySubnetManager(store)
    stop = new AbortController()
    published = { publicIp: '192.0.2.1', backendType: 'vxlan', backendData: { VtepMAC: '02:00:00:00:00:01' } }
    events = []
    errors = []
    networkStands = true
    earlier = undefined
  })

  afterEach(() => stop.abort())

  async function started(): Promise<LeaseKeeper> {
    const keeper = new LeaseKeeper({
      subnets,
      clock,
      random: () => 0,
      renewMarginMs: HOUR,
      attributes: () => published,
      previous: undefined,
      former: undefined,
      earlier,
      withoutUplink: () => false,
      networkStands: async () => networkStands,
      onEvent: ({ type }) => events.push(type),
      onError: (error) => errors.push(error),
    })
    await keeper.acquire(stop.signal)
    void keeper.run(stop.signal)
    await clock.settle()
    return keeper
  }

  describe('another node that goes by the same address', () => {
    /** As another process writes the record: the same content, a new version. */
    const writeAgain = () => store.acquire({ attributes: published })

    it('writes our record: that is reported, and the record is written back', async () => {
      const keeper = await started()
      const written = writeAgain()
      keeper.observe(written)
      expect(errors).toMatchObject([{ code: 'LEASE_CONFLICT' }])
      expect(errors[0]?.message).toMatch(
        /by 192\.0\.2\.1 too, peers reach only one of the two: .*--public-ip/,
      )
      await clock.advance(1_000)
      expect(store.leases[0]?.version).toBe((written.version ?? 0) + 1)
      expect(events).toEqual(['acquired', 'renewed'])
      keeper.observe(written) // late
      expect(errors).toHaveLength(1)
    })

    it('and knows the record as its own too: the two write in turn ever more slowly, reported a few times', async () => {
      const keeper = await started()
      for (let contest = 1; contest <= 8; contest += 1) {
        keeper.observe(writeAgain())
        await clock.advance(contest > 4 ? 9_999 : 0)
        await clock.advance(10_000)
      }
      expect(errors.length).toBe(4)
      expect(events.filter((type) => type === 'renewed')).toHaveLength(8)
    })

    it('and was there first: this node gives way, and acquires another subnet', async () => {
      const theirs = store.acquire({ attributes: published })
      const keeper = await started()
      expect(keeper.lease.subnet).toBe(theirs.subnet)
      await clock.advance(2_000)
      keeper.observe(store.renew(theirs))
      expect(events).toEqual(['acquired', 'lost'])
      expect(errors).toMatchObject([
        { code: 'LEASE_CONFLICT', message: expect.stringContaining('this one gives way') },
      ])
      await clock.advance(1_000)
      expect(events).toEqual(['acquired', 'lost', 'changed'])
      expect(keeper.lease.subnet).not.toBe(theirs.subnet)
      expect(store.leases).toHaveLength(2)
    })

    it('and gave no sign of life for 30 s: the lease is ours, as after a restart', async () => {
      const theirs = store.acquire({ attributes: published })
      const keeper = await started()
      await clock.advance(30_000)
      keeper.observe(store.renew(theirs))
      expect(events).toEqual(['acquired'])
      expect(errors).toMatchObject([{ message: expect.stringContaining('it is written back') }])
    })

    it('is not at work if a write whose answer was lost shows', async () => {
      const keeper = await started()
      const renew = subnets.renewLease.bind(subnets)
      let writes = 0
      subnets.renewLease = async (...args) => {
        writes += 1
        const renewed = await renew(...args)
        if (writes === 1) throw new OverlayError('STORE_UNAVAILABLE', 'the answer was lost')
        return renewed
      }
      await clock.advance(23 * HOUR)
      const [shown] = store.leases
      if (shown !== undefined) keeper.observe(shown)
      expect(errors).toMatchObject([{ code: 'STORE_UNAVAILABLE' }])
      expect(keeper.lease.version).toBe(shown?.version)
      keeper.observe(writeAgain())
      expect(errors.at(-1)).toMatchObject({ code: 'LEASE_CONFLICT' })
    })
  })

  /** Makes the next calls of one method fail. */
  function break_(method: 'renewLease' | 'acquireLease', times: number): void {
    const real = subnets[method].bind(subnets) as SubnetManagerCall
    let left = times
    subnets[method] = ((...args: Parameters<SubnetManagerCall>) => {
      if (left === 0) return real(...args)
      left -= 1
      return Promise.reject(new OverlayError('STORE_UNAVAILABLE', 'out to lunch'))
    }) as never
  }
  type SubnetManagerCall = (...args: unknown[]) => Promise<unknown>

  it('has no lease before it acquired one', () => {
    const keeper = new LeaseKeeper({} as never)
    expect(() => keeper.lease).toThrow(TypeError)
  })

  it('renews an hour before the end of a lease of a day, day after day', async () => {
    const keeper = await started()
    const firstEnd = keeper.lease.expiresAt ?? 0
    await clock.advance(23 * HOUR - 1)
    expect(events).toEqual(['acquired'])
    await clock.advance(1)
    expect(events).toEqual(['acquired', 'renewed'])
    expect(keeper.lease.expiresAt).toBe(firstEnd + 23 * HOUR)
    await clock.advance(23 * HOUR)
    expect(events).toEqual(['acquired', 'renewed', 'renewed'])
  })

  it('renews a short lease at half time', async () => {
    store = new MemoryStore({ config: { Network: '10.244.0.0/16' }, leaseTermMs: 60_000, clock })
    subnets = new MemorySubnetManager(store)
    await started()
    await clock.advance(30_000)
    expect(events).toEqual(['acquired', 'renewed'])
    await clock.advance(600_000)
    expect(store.leases).toHaveLength(1)
    expect(events).not.toContain('lost')
  })

  it('renews soon when the time of day is set forward past the due time', async () => {
    await started()
    clock.jump(23.5 * HOUR)
    await clock.advance(30_000)
    expect(events).toEqual(['acquired', 'renewed'])
  })

  it('renews in time although the time of day is set back', async () => {
    await started()
    clock.jump(-12 * HOUR)
    await clock.advance(23 * HOUR)
    expect(events).toEqual(['acquired', 'renewed'])
  })

  it('goes on renewing while the store fails, with pauses, and reports each failure', async () => {
    await started()
    break_('renewLease', 5)
    await clock.advance(23 * HOUR)
    expect(errors).toHaveLength(1)
    await clock.advance(60_000)
    expect(errors.map(({ code }) => code)).toEqual(Array(5).fill('STORE_UNAVAILABLE'))
    expect(events).toEqual(['acquired', 'renewed'])
  })

  it('acquires the same subnet again when its lease was deleted', async () => {
    const keeper = await started()
    const { subnet } = keeper.lease
    await subnets.releaseLease(keeper.lease)
    keeper.lost()
    await clock.settle()
    expect(events).toEqual(['acquired', 'lost', 'acquired'])
    expect(keeper.lease.subnet).toBe(subnet)
    expect(store.leases).toHaveLength(1)
  })

  describe('a lease that is lost right after it was acquired', () => {
    let keeper: LeaseKeeper
    const lose = async () => {
      await subnets.releaseLease(keeper.lease)
      keeper.lost()
      await clock.settle()
    }
    const acquired = () => events.filter((type) => type === 'acquired').length

    beforeEach(async () => {
      keeper = await started()
    })

    it('is acquired again at once, and after pauses that double if it is lost again and again', async () => {
      await lose()
      expect(acquired()).toBe(2)
      for (const [index, pauseMs] of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].entries()) {
        await lose()
        keeper.republish()
        await clock.advance(pauseMs - 1)
        expect(acquired()).toBe(2 + index)
        await clock.advance(1)
        expect(acquired()).toBe(3 + index)
      }
    })

    it('is reported once for each time that the pause grows', async () => {
      for (let time = 0; time < 12; time += 1) {
        await lose()
        await clock.advance(30_000)
      }
      expect(errors.map(({ code }) => code)).toEqual(Array(4).fill('LEASE_LOST'))
      expect(errors[0]?.message).toMatch(/was lost 3 times in a row.* after 4 s at the earliest$/)
      expect(errors.at(-1)?.message).toMatch(/lost 6 times.* after 30 s/)
    })

    it('is acquired at once after it has stood for a minute', async () => {
      for (let time = 0; time < 4; time += 1) {
        await lose()
        await clock.advance(30_000)
      }
      await clock.advance(60_000)
      const before = acquired()
      await lose()
      expect(acquired()).toBe(before + 1)
    })
  })

  it('is not lost if the store shows its new address before it has answered', async () => {
    const keeper = await started()
    published = { ...published, publicIp: '192.0.2.2' }
    const real = subnets.renewLease.bind(subnets)
    subnets.renewLease = async (...args) => {
      const lease = await real(...args)
      keeper.observe(lease)
      return lease
    }
    keeper.republish()
    await clock.settle()
    expect(events).toEqual(['acquired', 'changed'])
  })

  it('leaves the subnet to a node that took it meanwhile, and takes another', async () => {
    const keeper = await started()
    const { subnet } = keeper.lease
    await subnets.releaseLease(keeper.lease)
    store.reserve({ subnet, attributes: OTHER })
    await clock.advance(23 * HOUR)
    expect(events).toEqual(['acquired', 'lost', 'changed'])
    expect(errors.map(({ code }) => code)).toEqual(['LEASE_LOST'])
    expect(keeper.lease.subnet).not.toBe(subnet)
    expect(store.leases.find((lease) => lease.subnet === subnet)?.attributes).toEqual(OTHER)
  })

  it('never ends while it has no lease: the last one stays readable, and each failure is reported', async () => {
    const keeper = await started()
    break_('acquireLease', 8)
    await subnets.releaseLease(keeper.lease)
    keeper.lost()
    await clock.advance(500)
    expect(keeper.lease.subnet).toBeDefined()
    await clock.advance(180_000)
    expect(errors).toHaveLength(8)
    expect(events.at(-1)).toBe('acquired')
  })

  it('publishes what changed at once', async () => {
    const keeper = await started()
    published = { ...published, backendData: { VtepMAC: '02:00:00:00:00:02' } }
    keeper.republish()
    await clock.settle()
    expect(events).toEqual(['acquired', 'changed'])
    expect(store.leases[0]?.attributes).toEqual(published)
  })

  it('takes its subnet along to another public address, in place', async () => {
    const keeper = await started()
    const { subnet } = keeper.lease
    published = { ...published, publicIp: '192.0.2.2' }
    keeper.republish()
    await clock.settle()
    expect(events).toEqual(['acquired', 'changed'])
    expect(store.leases.map((lease) => [lease.subnet, lease.attributes.publicIp])).toEqual([
      [subnet, '192.0.2.2'],
    ])
  })

  it('takes its reservation along to another public address', async () => {
    store.reserve({ subnet: '10.244.7.0/24', attributes: published })
    const keeper = await started()
    published = { ...published, publicIp: '192.0.2.2' }
    keeper.republish()
    await clock.settle()
    expect(events).toEqual(['acquired', 'changed'])
    const reserved = { subnet: '10.244.7.0/24', attributes: published, expiresAt: undefined }
    expect(store.leases).toEqual([{ ...reserved, created: 1, version: 3 }])
  })

  it("takes nothing from another node's lease that bears its new address", async () => {
    store.reserve({ subnet: '10.244.7.0/24', attributes: OTHER })
    const keeper = await started()
    const { subnet } = keeper.lease
    published = { ...published, publicIp: OTHER.publicIp }
    keeper.republish()
    await clock.settle()
    expect(events).toEqual(['acquired', 'changed'])
    expect(keeper.lease.subnet).toBe(subnet)
    expect(store.leases.find((lease) => lease.subnet === '10.244.7.0/24')?.attributes).toEqual(OTHER)
  })

  it('publishes again, after a second, what an operator edited', async () => {
    const keeper = await started()
    const edited = { ...keeper.lease, attributes: { ...published, backendData: { VtepMAC: 'edited' } } }
    await subnets.renewLease(edited)
    keeper.observe(edited)
    await clock.advance(999)
    expect(store.leases[0]?.attributes).toEqual(edited.attributes)
    await clock.advance(1)
    expect(store.leases[0]?.attributes).toEqual(published)
  })

  it('leaves a reservation one, and never renews it', async () => {
    store.reserve({ subnet: '10.244.7.0/24', attributes: published })
    const keeper = await started()
    const reserved = { subnet: '10.244.7.0/24', attributes: published, expiresAt: undefined }
    expect(keeper.lease).toEqual({ ...reserved, created: 1, version: 2 })
    await clock.advance(48 * HOUR)
    expect(events).toEqual(['acquired'])
    expect(store.leases[0]?.expiresAt).toBeUndefined()
  })
})
