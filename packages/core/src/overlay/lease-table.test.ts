import { describe, expect, it } from 'vitest'
import type { LeaseEvent } from '../contract/subnet-manager.js'
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
    ['another subnet, this node', lease('10.244.9.0/24', '192.0.2.5'), 'namesake'],
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
    expect(table.take({ type: 'snapshot', leases: [a, b] }, 0, own.attributes)).toEqual([
      { type: 'put', lease: a },
      { type: 'put', lease: b },
    ])
    expect(table.take({ type: 'snapshot', leases: [a, b] }, 0, own.attributes)).toEqual([])
    const moved = lease('10.244.2.0/24', '192.0.2.99')
    expect(table.take({ type: 'snapshot', leases: [c, moved] }, 0, own.attributes)).toEqual([
      { type: 'delete', lease: a },
      { type: 'put', lease: c },
      { type: 'put', lease: moved },
    ])
  })

  it('takes a renewal for no change, and keeps its new end', () => {
    const table = new LeaseTable()
    table.take({ type: 'put', lease: { ...own, expiresAt: 1 } }, 0, own.attributes)
    expect(table.take({ type: 'put', lease: { ...own, expiresAt: 2 } }, 0, own.attributes)).toEqual([])
    expect(table.leases.get('10.244.5.0-24')?.expiresAt).toBe(2)
  })

  it('returns a deletion once, with the lease as it was known', () => {
    const table = new LeaseTable()
    table.take({ type: 'put', lease: own }, 0, own.attributes)
    const bare: Lease = { subnet: '10.244.5.0/24', attributes: {} }
    expect(table.take({ type: 'delete', lease: bare }, 0, own.attributes)).toEqual([
      { type: 'delete', lease: own },
    ])
    expect(table.take({ type: 'delete', lease: bare }, 0, own.attributes)).toEqual([])
  })
})

describe('LeaseTable after a reset of the store', () => {
  const [a, b, c] = [1, 2, 3].map((n) => lease(`10.244.${n}.0/24`, `192.0.2.${n}`)) as [Lease, Lease, Lease]
  const HOUR_MS = 3_600_000

  function reset(...listed: readonly Lease[]) {
    const table = new LeaseTable()
    table.take({ type: 'snapshot', leases: [own, a, b, c] }, 0, own.attributes)
    const changes = table.take({ type: 'snapshot', leases: listed, storeWasReset: true }, 0, own.attributes)
    const take = (event: LeaseEvent) => table.take(event, 1_000, own.attributes)
    return { table, changes, take }
  }

  it("keeps what is missing, but not this node's own lease", () => {
    const { table, changes } = reset(b)
    expect(changes).toEqual([{ type: 'delete', lease: own }])
    expect(table.forgotten).toBe(2)
    expect([...table.leases.values()]).toEqual([a, b, c])
  })

  it('keeps it over later snapshots, until 24 hours have passed', () => {
    const { table, take } = reset()
    expect(take({ type: 'snapshot', leases: [b] })).toEqual([])
    expect(take({ type: 'snapshot', leases: [] })).toEqual([{ type: 'delete', lease: b }])
    expect(table.expire(24 * HOUR_MS - 1)).toEqual([])
    expect(table.expire(24 * HOUR_MS)).toEqual([
      { type: 'delete', lease: a },
      { type: 'delete', lease: c },
    ])
    expect(table.leases.size).toBe(0)
  })

  it('does not keep it for longer after a second reset', () => {
    const { table, take } = reset()
    take({ type: 'snapshot', leases: [], storeWasReset: true })
    expect(table.expire(24 * HOUR_MS)).toHaveLength(3)
  })

  it('reports no change for a node that publishes the same again, and deletes it as any other from then on', () => {
    const { table, take } = reset()
    expect(take({ type: 'put', lease: a })).toEqual([])
    expect(table.forgotten).toBe(2)
    expect(take({ type: 'delete', lease: a })).toEqual([{ type: 'delete', lease: a }])
  })

  it.each<[string, Lease]>([
    ['another lease of its node', lease('10.244.77.0/24', '192.0.2.1')],
    ['another node that gets its subnet', lease('10.244.1.0/24', '192.0.2.99')],
    ['another node that gets a wider subnet', lease('10.244.0.0/23', '192.0.2.99')],
    ['another node that gets a part of it', lease('10.244.1.128/25', '192.0.2.99')],
  ])('gives way to %s', (_, next) => {
    const { table, take } = reset(b, c)
    const sameKey = next.subnet === a.subnet
    expect(take({ type: 'put', lease: next })).toEqual([
      ...(sameKey ? [] : [{ type: 'delete', lease: a }]),
      { type: 'put', lease: next },
    ])
    expect(table.forgotten).toBe(0)
  })

  it('is deleted at once if the store deletes it', () => {
    expect(reset().take({ type: 'delete', lease: a })).toEqual([{ type: 'delete', lease: a }])
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
