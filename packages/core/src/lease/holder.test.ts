import { describe, expect, it } from 'vitest'
import { isHeldBy, requireHeld, requireReservable, requireUnheld } from './holder.js'
import type { Lease, LeaseAttributes } from './lease.js'

const lease: Lease = { subnet: '10.5.1.0/24', attributes: { publicIp: '192.0.2.1' } }
const other: Lease = { subnet: '10.5.1.0/24', attributes: { publicIp: '192.0.2.2' } }

describe('requireHeld', () => {
  it('returns what the store holds, its end among it', () => {
    const held = { ...lease, expiresAt: 5 }
    expect(requireHeld(lease, held)).toBe(held)
  })

  it('says why a lease is lost', () => {
    expect(() => requireHeld(lease, undefined)).toThrow(
      'renewing 10.5.1.0-24 for 192.0.2.1: it ended or was deleted; acquire again',
    )
    expect(() => requireHeld(lease, other)).toThrow('it is held by 192.0.2.2 now')
    expect(() => requireHeld(lease, other)).toThrow(expect.objectContaining({ code: 'LEASE_LOST' }))
    const edited = { ...lease, attributes: { ...lease.attributes, backendType: 'vxlan' } }
    expect(() => requireHeld(lease, edited, other.attributes)).toThrow(
      'another node that goes by 192.0.2.1 has rewritten it',
    )
  })
})

describe('isHeldBy', () => {
  const written = { ...lease, attributes: { publicIp: '192.0.2.1', backendData: { VNI: 1 } } }
  const edited = { ...lease, attributes: { publicIp: '192.0.2.1', backendData: { VNI: 2 } } }
  const moved = { publicIp: '192.0.2.3', backendData: { VNI: 1 } }

  it.each<[string, Lease | undefined, LeaseAttributes, boolean]>([
    ['as it was written', written, written.attributes, true],
    ['edited, under the same address', edited, written.attributes, true],
    ["another node's, under the same address", other, written.attributes, false],
    ['gone', undefined, written.attributes, false],
    ['as it was written, under another address', written, moved, true],
    ['edited, under another address', edited, moved, false],
    ["another node's, under another address", other, moved, false],
    ['what is to be written, under another address', { ...lease, attributes: moved }, moved, true],
    ['gone, under another address', undefined, moved, false],
  ])('%s', (_, record, attributes, held) => {
    expect(isHeldBy(written, attributes, record)).toBe(held)
  })
})

describe('requireReservable', () => {
  const attributes = { publicIp: '192.0.2.1' }
  it.each<[what: string, reservation: Lease, why: RegExp | undefined]>([
    ['a subnet of a node', { subnet: '10.5.1.0/24', attributes }, undefined],
    ['one of IPv6', { ipv6Subnet: 'fd00::/64', attributes: { publicIpv6: 'fd77::1' } }, undefined],
    ['host bits', { subnet: '10.5.1.7/24', attributes }, /write 10\.5\.1\.0\/24/],
    ['another spelling', { ipv6Subnet: 'FD00:0::/64', attributes }, /write fd00::\/64/],
    ['no node', { subnet: '10.5.1.0/24', attributes: {} }, /for which node/],
  ])('%s', (_what, reservation, why) => {
    if (why === undefined) expect(requireReservable(reservation)).toBeUndefined()
    else expect(() => requireReservable(reservation)).toThrow(why)
  })
})

describe('requireUnheld', () => {
  it.each([
    ['the same subnet', { subnet: '10.5.1.0/24' }],
    ['a longer prefix inside', { subnet: '10.5.1.128/25' }],
    ['a shorter prefix around', { subnet: '10.5.0.0/22' }],
    ['the other family', { subnet: '10.5.9.0/24', ipv6Subnet: 'fd00:0:0:1::/64' }],
  ])('refuses %s of what another node holds', (_, subnets) => {
    const held = { ...other, ipv6Subnet: 'fd00:0:0:1::/64' }
    const wanted = { ...subnets, attributes: lease.attributes }
    expect(() => requireUnheld(wanted, [held])).toThrow(expect.objectContaining({ code: 'LEASE_CONFLICT' }))
  })

  it('lets a node reserve what it holds, or what no node does', () => {
    expect(requireUnheld(lease, [lease, { ...other, subnet: '10.5.2.0/24' }])).toBeUndefined()
  })
})
