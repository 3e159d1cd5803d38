import { FakeClock } from '@selvedge/conformance'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect, it } from 'vitest'
import type { SubnetManager } from '../contract/subnet-manager.js'
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

  it('names what it cannot copy once everything else is copied, and leaves nothing of it', async () => {
    const { from, to } = stores()
    const [one, two] = [
      await from.acquireLease({ attributes: node(1) }),
      await from.acquireLease({ attributes: node(2) }),
    ]
    const three = await from.acquireLease({ attributes: node(3) })
    await to.acquireLease({ attributes: node(8), previous: one })
    await to.acquireLease({ attributes: node(2), previous: { subnet: '10.5.200.0/24' } })
    await expect(copyLeases(from, to)).rejects.toMatchObject({
      code: 'LEASE_CONFLICT',
      message: expect.stringMatching(
        /of 192\.0\.2\.1 overlaps .* of 192\.0\.2\.8; .* of 192\.0\.2\.2 has 10\.5\.200\.0-24 there; everything else/,
      ),
    })
    expect(two.subnet).not.toBe('10.5.200.0/24')
    const held = to.store.leases.map(({ subnet, attributes }) => [attributes.publicIp, subnet])
    expect(held).toEqual([
      ['192.0.2.8', one.subnet],
      ['192.0.2.2', '10.5.200.0/24'],
      ['192.0.2.3', three.subnet],
    ])
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
