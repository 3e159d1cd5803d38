import { FakeClock } from '@selvedge/conformance'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect, it } from 'vitest'
import type { SubnetManager } from '../contract/subnet-manager.js'
import { OverlayError } from '../util/errors.js'
import { copyLeases } from './copy-leases.js'
import type { Lease, LeaseAttributes } from './lease.js'
import { parseNetworkConfig } from './network-config.js'

const config = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } }
const HOUR = 60 * 60 * 1000
const node = (number: number, mac = number): LeaseAttributes => ({
  publicIp: `192.0.2.${number}`,
  backendType: 'vxlan',
  backendData: { VNI: 1, VtepMAC: `02:00:00:00:00:0${mac}` },
})

function stores() {
  const clock = new FakeClock()
  const make = (leaseTermMs: number) =>
    new MemorySubnetManager(new MemoryStore({ config, clock, leaseTermMs }))
  return { clock, from: make(HOUR), to: make(24 * HOUR) }
}

/** A store that holds these leases and knows no reservations. */
const holding = (leases: readonly Lease[]): SubnetManager => ({
  name: 'fixed',
  getNetworkConfig: async () => parseNetworkConfig(config),
  acquireLease: () => Promise.reject(new TypeError('not called')),
  renewLease: () => Promise.reject(new TypeError('not called')),
  releaseLease: () => Promise.reject(new TypeError('not called')),
  async *watchLeases() {
    yield { type: 'snapshot', leases }
  },
  [Symbol.asyncDispose]: async () => {},
})

describe('copyLeases', () => {
  it('copies subnets and attributes, with the term of the store that they are copied to', async () => {
    const { clock, from, to } = stores()
    for (const number of [1, 2, 3]) await from.acquireLease({ attributes: node(number) })
    await clock.advance(HOUR / 2)
    const { copied, reserved, present } = await copyLeases(from, to)
    expect([copied.length, reserved, present]).toEqual([3, [], []])
    const expiresAt = clock.now() + 24 * HOUR
    expect(to.store.leases).toEqual(from.store.leases.map((lease) => ({ ...lease, expiresAt })))
    expect(await to.reservations()).toEqual([])
  })

  it('copies a reservation as one, and no other lease of its node', async () => {
    const { from, to } = stores()
    await from.acquireLease({ attributes: node(1) })
    await from.reserve({ subnet: '10.5.7.0/24', attributes: node(1, 9) })
    const { copied, reserved } = await copyLeases(from, to)
    expect(copied).toEqual([])
    const reservation = { subnet: '10.5.7.0/24', ipv6Subnet: undefined, attributes: node(1, 9) }
    expect(reserved).toEqual([{ ...reservation, created: 1, version: 1 }])
    expect(await to.reservations()).toEqual(reserved)
  })

  it('leaves what is there as it is: a node that has moved says what counts', async () => {
    const { clock, from, to } = stores()
    for (const number of [1, 2]) await from.acquireLease({ attributes: node(number) })
    await copyLeases(from, to)
    await clock.advance(HOUR / 4)
    const moved = await to.acquireLease({ attributes: node(1, 7) })
    await from.acquireLease({ attributes: node(3) })
    const before = to.store.leases
    const { copied, present } = await copyLeases(from, to)
    expect(copied.map(({ attributes }) => attributes)).toEqual([node(3)])
    expect(present).toContainEqual(moved)
    expect(to.store.leases).toEqual([...before, ...copied])
  })

  it('copies of two leases of one node the one that it renews', async () => {
    const { to } = stores()
    const former = { subnet: '10.5.8.0/24', attributes: node(1, 8), expiresAt: HOUR }
    const own = { subnet: '10.5.9.0/24', attributes: node(1, 9), expiresAt: 2 * HOUR }
    await copyLeases(holding([former, own]), to)
    expect(to.store.leases).toMatchObject([{ subnet: own.subnet, attributes: own.attributes }])
  })

  async function conflicting() {
    const { from, to } = stores()
    const one = await from.acquireLease({ attributes: node(1) })
    const two = await from.acquireLease({ attributes: node(2) })
    const three = await from.acquireLease({ attributes: node(3) })
    await from.reserve({ subnet: '10.5.7.0/24', attributes: node(4) })
    await to.acquireLease({ attributes: node(8), previous: one })
    await to.acquireLease({ attributes: node(2), previous: { subnet: '10.5.200.0/24' } })
    expect(two.subnet).not.toBe('10.5.200.0/24')
    return { from, to, one, three }
  }
  const CONFLICTS = /of 192\.0\.2\.1 overlaps .* of 192\.0\.2\.8.* of 192\.0\.2\.2 has 10\.5\.200\.0-24 there/

  it('copies nothing if something conflicts with what is there, and names it', async () => {
    const { from, to } = await conflicting()
    const before = to.store.leases
    await expect(copyLeases(from, to)).rejects.toMatchObject({
      code: 'LEASE_CONFLICT',
      message: expect.stringMatching(new RegExp(`${CONFLICTS.source}; nothing is copied`)),
    })
    expect(to.store.leases).toEqual(before)
  })

  it('copies everything else if that is asked for, and reports what it skipped', async () => {
    const { from, to, one, three } = await conflicting()
    const { copied, reserved, conflicts } = await copyLeases(from, to, { skipConflicts: true })
    expect([copied.length, reserved.length]).toEqual([1, 1])
    expect(conflicts.join('; ')).toMatch(CONFLICTS)
    const held = to.store.leases.map(({ subnet, attributes }) => [attributes.publicIp, subnet])
    expect(held).toEqual([
      ['192.0.2.8', one.subnet],
      ['192.0.2.2', '10.5.200.0/24'],
      ['192.0.2.3', three.subnet],
      ['192.0.2.4', '10.5.7.0/24'],
    ])
    // Again: there is nothing more to write, and the same is skipped.
    const again = await copyLeases(from, to, { skipConflicts: true })
    expect(again).toEqual({ copied: [], reserved: [], present: expect.anything(), conflicts })
  })

  /** The same store, in which something happens before each write. */
  function disturbed(to: MemorySubnetManager, before: (write: number) => Promise<void>): MemorySubnetManager {
    let writes = 0
    return new Proxy(to, {
      get(target, name) {
        const value = Reflect.get(target, name, target)
        if (name !== 'acquireLease' && name !== 'reserve') return value?.bind?.(target) ?? value
        return async (...args: readonly unknown[]) => {
          writes += 1
          await before(writes)
          return value.apply(target, args)
        }
      },
    })
  }

  it('overwrites nothing that is written there meanwhile, copies the rest, and says so', async () => {
    const { from, to } = stores()
    const [one] = [
      await from.acquireLease({ attributes: node(1) }),
      await from.acquireLease({ attributes: node(2) }),
      await from.reserve({ subnet: '10.5.7.0/24', attributes: node(3) }),
      await from.reserve({ subnet: '10.5.8.0/24', attributes: node(4) }),
    ]
    const target = disturbed(to, async (write) => {
      if (write > 1) return
      await to.acquireLease({ attributes: node(8), previous: one })
      await to.reserve({ subnet: '10.5.7.0/24', attributes: node(9) })
    })
    await expect(copyLeases(from, target)).rejects.toMatchObject({
      code: 'LEASE_CONFLICT',
      message: expect.stringMatching(
        /meanwhile: .* of 192\.0\.2\.1 cannot have its subnet there; 10\.5\.7\.0-24 of 192\.0\.2\.3 is another node's there; 1 of 2 leases and 1 of 2 reservations are copied/,
      ),
    })
    const nodes = to.store.leases.map(({ attributes }) => attributes.publicIp).sort()
    expect(nodes).toEqual(['192.0.2.2', '192.0.2.4', '192.0.2.8', '192.0.2.9'])
    // Now it is there from the start.
    await expect(copyLeases(from, to)).rejects.toThrow(/nothing is copied/)
  })

  it('says how far it came if the store fails, and goes on when it is run again', async () => {
    const { from, to } = stores()
    for (const number of [1, 2, 3]) await from.acquireLease({ attributes: node(number) })
    await from.reserve({ subnet: '10.5.8.0/24', attributes: node(4) })
    const failing = disturbed(to, async (write) => {
      if (write === 3) throw new OverlayError('STORE_UNAVAILABLE', 'asking for a lease: no answer')
    })
    await expect(copyLeases(from, failing)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(
        'no answer; 2 of 3 leases and 0 of 1 reservations are copied: copy again',
      ),
    })
    const { copied, reserved, present } = await copyLeases(from, to)
    expect([copied.length, reserved.length, present.length]).toEqual([1, 1, 2])
  })

  it('gives back a subnet that the store chose instead', async () => {
    const { to } = stores()
    const odd = { subnet: '10.5.8.0/25', attributes: node(1), expiresAt: HOUR }
    await expect(copyLeases(holding([odd]), to)).rejects.toMatchObject({
      code: 'LEASE_CONFLICT',
      message: expect.stringContaining("10.5.8.0-25 of 192.0.2.1 is none of the network's subnets"),
    })
    expect(to.store.leases).toEqual([])
  })

  it('reserves what is reserved, or says that the store cannot', async () => {
    const { from, to } = stores()
    await from.reserve({ subnet: '10.5.8.0/25', attributes: node(1) })
    const bare = holding([])
    await expect(copyLeases(from, bare)).rejects.toThrow(/is reserved, and there are no reservations there/)
    await copyLeases(from, to)
    expect(to.store.leases.map(({ subnet }) => subnet)).toEqual(['10.5.8.0/25'])
  })

  it('refuses stores whose networks differ, and says in what', async () => {
    const { from, to } = stores()
    await from.acquireLease({ attributes: node(1) })
    await to.setNetworkConfig({ ...config, SubnetLen: 25 })
    await expect(copyLeases(from, to)).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('differ in SubnetLen, SubnetMin, SubnetMax (SubnetLen is 24 and 25)'),
    })
    await to.setNetworkConfig({ ...config, Backend: { Type: 'vxlan', PSK: 'secret' } })
    await expect(copyLeases(from, to)).rejects.toThrow(/differ in Backend; write the same/)
    expect(to.store.leases).toEqual([])
  })

  it('rejects with the reason of an aborted signal', async () => {
    const { from, to } = stores()
    const reason = new Error('enough')
    await expect(copyLeases(from, to, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
