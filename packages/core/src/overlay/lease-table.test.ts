import { describe, expect, it } from 'vitest'
import type { Lease } from '../lease/lease.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { type LeaseRole, LeaseTable, NetworkBounds, roleOf } from './lease-table.js'

const lease = (subnet: string, publicIp: string, more: Partial<Lease> = {}): Lease => ({
  subnet,
  attributes: { publicIp, backendType: 'vxlan' },
  ...more,
})
const own = lease('10.244.5.0/24', '192.0.2.5')

describe('roleOf', () => {
  it.each<[string, Lease, LeaseRole]>([
    ['our own', lease('10.244.5.0/24', '192.0.2.5'), 'own'],
    ['our subnet, another node', lease('10.244.5.0/24', '192.0.2.6'), 'taken'],
    ['another subnet, this node', lease('10.244.9.0/24', '192.0.2.5'), 'former'],
    ['a wider subnet with ours inside', lease('10.244.0.0/20', '192.0.2.6'), 'overlapping'],
    ['a narrower subnet inside ours', lease('10.244.5.128/25', '192.0.2.6'), 'overlapping'],
    ['anyone else', lease('10.244.6.0/24', '192.0.2.6'), 'peer'],
    ['of the other family', { ipv6Subnet: 'fd00:6::/64', attributes: { publicIpv6: '2001:db8::6' } }, 'peer'],
  ])('%s', (_, other, role) => {
    expect(roleOf(other, own)).toBe(role)
  })
})

describe('LeaseTable', () => {
  it('returns what is new in a snapshot, and nothing when it comes again', () => {
    const table = new LeaseTable()
    const [a, b, c] = [1, 2, 3].map((n) => lease(`10.244.${n}.0/24`, `192.0.2.${n}`)) as [Lease, Lease, Lease]
    expect(table.take({ type: 'snapshot', leases: [a, b] })).toEqual([
      { type: 'put', lease: a },
      { type: 'put', lease: b },
    ])
    expect(table.take({ type: 'snapshot', leases: [a, b] })).toEqual([])
    const moved = lease('10.244.2.0/24', '192.0.2.99')
    expect(table.take({ type: 'snapshot', leases: [c, moved] })).toEqual([
      { type: 'delete', lease: a },
      { type: 'put', lease: c },
      { type: 'put', lease: moved },
    ])
  })

  it('takes a renewal for no change, and keeps its new end', () => {
    const table = new LeaseTable()
    table.take({ type: 'put', lease: { ...own, expiresAt: 1 } })
    expect(table.take({ type: 'put', lease: { ...own, expiresAt: 2 } })).toEqual([])
    expect(table.leases.get('10.244.5.0-24')?.expiresAt).toBe(2)
  })

  it('returns a deletion once, with the lease as it was known', () => {
    const table = new LeaseTable()
    table.take({ type: 'put', lease: own })
    const bare: Lease = { subnet: '10.244.5.0/24', attributes: {} }
    expect(table.take({ type: 'delete', lease: bare })).toEqual([{ type: 'delete', lease: own }])
    expect(table.take({ type: 'delete', lease: bare })).toEqual([])
  })
})

describe('NetworkBounds', () => {
  const bounds = new NetworkBounds(
    parseNetworkConfig({ Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: 'fd00::/48' }),
  )

  it.each<[string, Lease, string[]]>([
    ['inside', lease('10.244.1.0/24', '192.0.2.1', { ipv6Subnet: 'fd00:0:0:1::/64' }), []],
    [
      'IPv4 outside',
      lease('10.245.1.0/24', '192.0.2.1', { ipv6Subnet: 'fd00:0:0:1::/64' }),
      ['10.245.1.0/24'],
    ],
    [
      'both outside',
      lease('10.0.0.0/8', '192.0.2.1', { ipv6Subnet: 'fd01::/64' }),
      ['10.0.0.0/8', 'fd01::/64'],
    ],
  ])('%s', (_, outside, expected) => {
    expect(bounds.outside(outside)).toEqual(expected)
  })
})
