import { describe, expect, it } from 'vitest'
import {
  dualStack,
  factsOf,
  ipv4,
  type LeaseChanges,
  lease,
  Setup,
} from '../../../tests/admission-fixture.js'
import type { Lease } from '../lease.js'
import { parseNetworkConfig } from '../network-config.js'

describe('of two claims that exclude one another the older is admitted', () => {
  const older = (changes: LeaseChanges = {}) =>
    lease('10.244.157.0/24', '192.168.77.3', { created: 5, ...changes })
  const rows: readonly [what: string, younger: Lease, why: string][] = [
    [
      'the same base with another length',
      lease('10.244.157.0/32', '192.168.77.9', { created: 6 }),
      '10.244.157.0/32 and 10.244.157.0/24 overlap',
    ],
    [
      'a more specific subnet',
      lease('10.244.157.128/25', '192.168.77.9', { created: 6 }),
      '10.244.157.128/25 and 10.244.157.0/24 overlap',
    ],
    [
      'a larger subnet',
      lease('10.244.156.0/23', '192.168.77.9', { created: 6 }),
      '10.244.156.0/23 and 10.244.157.0/24 overlap',
    ],
    [
      'the same MAC, as of a cloned machine',
      lease('10.244.158.0/24', '192.168.77.9', { created: 6, mac: '02:03:00:00:00:00' }),
      "both need 'fdb flannel-4 02:03:00:00:00:00'",
    ],
    [
      'an address inside the other subnet',
      lease('10.244.158.0/24', '10.244.157.9', { created: 6 }),
      '10.244.157.0/24 contains 10.244.157.9',
    ],
  ]
  it.each(rows)('%s', (_what, younger, why) => {
    const first = older({ mac: '02:03:00:00:00:00' })
    for (const leases of [
      [first, younger],
      [younger, first],
    ]) {
      const setup = new Setup(factsOf(ipv4))
      setup.put(...leases)
      expect(setup.routes).toEqual(['10.244.157.0/24'])
      expect(setup.refused).toMatchObject([{ code: 'LEASE_CONFLICT', lease: younger }])
      expect(setup.refused[0]?.message).toContain(why)
      expect(setup.refused[0]?.message).toContain('the lease of 10.244.157.0/24 (192.168.77.3) is older')
      expect(setup.refused[0]?.message).toContain('delete the wrong one of the two from etcd')
      // One after the other, in either order, it is the same.
      const oneByOne = new Setup(factsOf(ipv4))
      for (const one of leases) oneByOne.put(one)
      expect(oneByOne.routes).toEqual(['10.244.157.0/24'])
      // The other is admitted when the older one is gone.
      setup.delete(first)
      expect(setup.routes).toEqual([younger.subnet])
      setup.put(first)
      expect(setup.routes).toEqual(['10.244.157.0/24'])
    }
  })

  it('a subnet that contains the address of an older node', () => {
    const setup = new Setup(factsOf(ipv4, { storeConfig: parseNetworkConfig({ Network: '172.16.0.0/15' }) }))
    setup.put(
      lease('10.244.5.0/24', '172.16.9.3', { created: 1 }),
      lease('172.16.9.0/24', '192.168.77.9', { created: 2 }),
    )
    expect(setup.routes).toEqual(['10.244.5.0/24'])
    expect(setup.refused[0]?.message).toContain('172.16.9.0/24 contains 172.16.9.3')
  })

  it('the first that was reported is the older, if the store does not say', () => {
    const setup = new Setup(factsOf(ipv4))
    setup.put(lease('10.244.157.128/25', '192.168.77.9'))
    setup.put(lease('10.244.157.0/24', '192.168.77.3'))
    expect(setup.routes).toEqual(['10.244.157.128/25'])
    setup.put(lease('10.244.157.128/25', '192.168.77.9', { mac: '02:99:00:00:00:00' }))
    expect(setup.routes).toEqual(['10.244.157.128/25'])
  })

  it('of records of one second all hosts choose the same', () => {
    const leases = ['10.244.157.0/24', '10.244.157.0/25', '10.244.157.128/25'].map((subnet, index) =>
      lease(subnet, `192.168.77.${index + 3}`, { created: 5 }),
    )
    const [one, other] = [new Setup(factsOf(ipv4)), new Setup(factsOf(ipv4))]
    for (const each of leases) one.put(each)
    for (const each of leases.toReversed()) other.put(each)
    expect(one.routes).toEqual(other.routes)
  })

  it('what the youngest may do follows from the oldest, through those between', () => {
    const setup = new Setup(factsOf(ipv4))
    const oldest = lease('10.244.160.0/24', '192.168.77.2', { created: 1 })
    const middle = lease('10.244.160.0/20', '192.168.77.3', { created: 2 })
    const youngest = lease('10.244.161.0/24', '192.168.77.4', { created: 3 })
    setup.put(youngest, middle, oldest)
    expect(setup.routes).toEqual(['10.244.160.0/24', '10.244.161.0/24'])
    setup.delete(oldest)
    expect(setup.routes).toEqual(['10.244.160.0/20'])
    setup.put(oldest)
    expect(setup.routes).toEqual(['10.244.160.0/24', '10.244.161.0/24'])
    setup.delete(middle)
    setup.delete(oldest)
    expect(setup.routes).toEqual(['10.244.161.0/24'])
  })

  it('a claim that changes lets the other in', () => {
    const setup = new Setup(factsOf(ipv4))
    const clone = lease('10.244.158.0/24', '192.168.77.9', { created: 6, mac: '02:03:00:00:00:00' })
    setup.put(older({ mac: '02:03:00:00:00:00' }), clone)
    expect(setup.routes).toEqual(['10.244.157.0/24'])
    setup.put(older({ mac: '02:04:00:00:00:00' }))
    expect(setup.routes).toEqual(['10.244.157.0/24', '10.244.158.0/24'])
  })

  it('is reported once, and again once it was admitted meanwhile', () => {
    const setup = new Setup(factsOf(ipv4))
    const younger = lease('10.244.157.0/32', '192.168.77.9', { created: 6 })
    setup.put(older(), younger)
    setup.put(older({ mac: '02:05:00:00:00:00' }))
    setup.put(younger)
    setup.decideAgain({})
    expect(setup.refused).toHaveLength(1)
    setup.delete(older())
    setup.put(older())
    expect(setup.refused).toHaveLength(2)
  })
})

describe('leases of one node', () => {
  it('do not exclude one another: it moved, and its newest claim to a key counts', () => {
    const setup = new Setup(factsOf(ipv4))
    const before = lease('10.244.5.0/24', '192.168.77.3', { created: 1, mac: '02:03:00:00:00:00' })
    const after = lease('10.244.6.0/24', '192.168.77.3', { created: 2, mac: '02:03:00:00:00:00' })
    setup.put(after, before)
    expect(setup.routes).toEqual(['10.244.5.0/24', '10.244.6.0/24'])
    expect(setup.refused).toEqual([])
  })
})

describe('a dual-stack lease', () => {
  const dual = (changes: Partial<Lease['attributes']>): Lease => {
    const { attributes, ...rest } = lease('10.244.5.0/24', '192.168.77.3', {
      ipv6: ['fd00:10:244:5::/64', 'fd77::3'],
    })
    return { ...rest, attributes: { ...attributes, ...changes } }
  }
  it.each<[what: string, changes: Partial<Lease['attributes']>, routes: string[], why: string | undefined]>([
    ['whole', {}, ['10.244.5.0/24', 'fd00:10:244:5::/64'], undefined],
    ['without an IPv6 address', { publicIpv6: undefined }, ['10.244.5.0/24'], 'IPv6: no address'],
    ['without an IPv4 address', { publicIp: undefined }, ['fd00:10:244:5::/64'], 'IPv4: no address'],
    ['with a MAC that is none in IPv6', { backendV6Data: 'x' }, ['10.244.5.0/24'], 'not a MAC address'],
    [
      'with a loopback address in IPv6',
      { publicIpv6: '::1' },
      ['10.244.5.0/24'],
      'PublicIPv6, ::1, is a loopback address',
    ],
    [
      "with this host's address in IPv6",
      { publicIpv6: 'fd77::1' },
      ['10.244.5.0/24'],
      'is an address of this host',
    ],
  ])('%s stands for each family by itself', (_what, changes, routes, why) => {
    const setup = new Setup(factsOf(dualStack))
    setup.put(dual(changes))
    expect(setup.routes).toEqual(routes)
    expect(setup.refused.map(({ message }) => message)).toEqual(
      why === undefined ? [] : [expect.stringContaining(why)],
    )
  })

  it('is refused in the family alone in which an older one excludes it', () => {
    const setup = new Setup(factsOf(dualStack))
    const old = lease('10.244.9.0/24', '192.168.77.9', { ipv6: ['fd00:10:244:5::/64', 'fd77::9'] })
    setup.put(old, dual({}))
    expect(setup.routes).toEqual(['10.244.5.0/24', '10.244.9.0/24', 'fd00:10:244:5::/64'])
    setup.delete(old)
    expect(setup.routes).toEqual(['10.244.5.0/24', 'fd00:10:244:5::/64'])
  })

  it('takes no IPv6 traffic from the node whose IPv4 address it bears', () => {
    const setup = new Setup(factsOf(dualStack))
    const inItsName = lease('10.244.9.0/24', '192.168.77.3', {
      ipv6: ['fd00:10:244:5:8000::/65', 'fd77::66', '02:66:00:00:00:00'],
    })
    setup.put(dual({}), inItsName)
    expect(setup.routes).toEqual(['10.244.5.0/24', '10.244.9.0/24', 'fd00:10:244:5::/64'])
    expect(setup.refused.map(({ message }) => message)).toEqual([
      expect.stringContaining('fd00:10:244:5:8000::/65 and fd00:10:244:5::/64 overlap'),
    ])
  })

  it('has one resource for both families if the backend makes it so', () => {
    const setup = new Setup(factsOf(dualStack), ({ subnet, ipv6Subnet, attributes }) => [
      Object.assign(
        { kind: 'wireguard-peer', key: `peer ${attributes.publicIp}` },
        { allowed: [subnet, ipv6Subnet] },
      ),
    ])
    setup.put(dual({}))
    expect([...setup.held.values()]).toEqual([
      [expect.objectContaining({ allowed: ['10.244.5.0/24', 'fd00:10:244:5::/64'] })],
    ])
    expect(setup.refused).toEqual([])
  })
})
