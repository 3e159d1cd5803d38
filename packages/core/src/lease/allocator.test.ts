import { describe, expect, it } from 'vitest'
import type { LeaseRequest } from '../contract/subnet-manager.js'
import { chooseSubnets, LeasedSubnets } from './allocator.js'
import type { Lease, LeaseAttributes } from './lease.js'
import { parseNetworkConfig } from './network-config.js'

const ipv4 = { Network: '10.5.0.0/16', SubnetMin: '10.5.16.0', SubnetMax: '10.5.31.0' }
const ipv6 = {
  EnableIPv6: true,
  IPv6Network: 'fd00::/48',
  IPv6SubnetMin: 'fd00:0:0:10::',
  IPv6SubnetMax: 'fd00:0:0:1f::',
}

const node = (number: number): LeaseAttributes => ({ publicIp: `192.0.2.${number}`, backendType: 'vxlan' })
const lease = (number: number, subnet?: string, ipv6Subnet?: string): Lease => ({
  subnet,
  ipv6Subnet,
  attributes: node(number),
  expiresAt: 1,
})

function choose(config: object, leases: readonly Lease[], request: Partial<LeaseRequest> = {}) {
  return chooseSubnets({
    config: parseNetworkConfig(config),
    leases,
    request: { attributes: node(1), ...request },
  })
}

describe('chooseSubnets', () => {
  it('keeps the lease of the node, found by its public address', () => {
    const own = lease(1, '10.5.20.0/24')
    const choice = choose(ipv4, [lease(2, '10.5.19.0/24'), own], { previous: { subnet: '10.5.25.0/24' } })
    expect(choice).toEqual({
      subnets: { subnet: '10.5.20.0/24' },
      attributes: node(1),
      kept: own,
      givenUp: [],
    })
  })

  describe('for a node whose address has changed', () => {
    const former = { ...lease(9, '10.5.20.0/24'), created: 3, version: 5 }
    const ofTheAddress = { ...lease(1, '10.5.21.0/24'), created: 1, version: 1 }

    it('keeps its former lease if nothing has written it since, and leaves those that bear the address', () => {
      const adopt = ({ attributes }: Lease) => ({ ...attributes, publicIp: '192.0.2.1' })
      const choice = choose(ipv4, [ofTheAddress, former], { former: { ...former, expiresAt: 7 }, adopt })
      expect(choice).toEqual({
        subnets: { subnet: '10.5.20.0/24' },
        attributes: node(1),
        kept: former,
        givenUp: [],
      })
    })

    it.each<[string, Lease, Lease]>([
      ['has been written since', { ...former, version: 6 }, former],
      ['was made anew', { ...former, created: 5 }, former],
      ['says something else', { ...former, attributes: node(8) }, former],
      ['has no version', { ...former, version: undefined }, { ...former, version: undefined }],
    ])('takes no former lease whose record %s', (_, record, known) => {
      expect(choose(ipv4, [record, ofTheAddress], { former: known }).kept).toBe(ofTheAddress)
      expect(choose(ipv4, [record], { former: known }).kept).toBeUndefined()
    })

    it('takes none that is excluded, and gives up one that does not fit', () => {
      expect(choose(ipv4, [former], { former, excluded: [former] }).kept).toBeUndefined()
      const outside = { ...former, subnet: '10.5.99.0/24' }
      expect(choose(ipv4, [outside, ofTheAddress], { former: outside })).toMatchObject({
        givenUp: [outside],
      })
    })
  })

  it('prefers a reservation of the node to another lease of its', () => {
    const reservation = { ...lease(1, '10.5.30.0/24'), expiresAt: undefined }
    expect(choose(ipv4, [lease(1, '10.5.20.0/24'), reservation]).kept).toBe(reservation)
  })

  it('prefers the lease that the node names to others of its, and takes none that is excluded', () => {
    const [first, second] = [lease(1, '10.5.20.0/24'), lease(1, '10.5.21.0/24')]
    const attributes = node(1)
    expect(choose(ipv4, [first, second], { attributes, previous: second }).kept).toBe(second)
    expect(choose(ipv4, [first, second], { attributes, previous: second, excluded: [second] }).kept).toBe(
      first,
    )
    const { kept, subnets, givenUp } = choose(ipv4, [first], {
      attributes,
      previous: first,
      excluded: [first],
    })
    expect([kept, givenUp]).toEqual([undefined, []])
    expect(subnets.subnet).not.toBe(first.subnet)
  })

  it('finds a node without an IPv4 address by its IPv6 one', () => {
    const attributes = { publicIpv6: '2001:db8::1' }
    const own: Lease = { ipv6Subnet: 'fd00:0:0:12::/64', attributes, expiresAt: 1 }
    const stranger: Lease = { ipv6Subnet: 'fd00:0:0:13::/64', attributes: { publicIpv6: '2001:db8::2' } }
    expect(choose({ EnableIPv4: false, ...ipv6 }, [stranger, own], { attributes }).kept).toBe(own)
  })

  it('publishes what `adopt` makes of the lease found, also if that is given up', () => {
    const adopt = (held: Lease) => ({ ...node(1), backendData: { was: held.subnet ?? null } })
    const kept = choose(ipv4, [lease(1, '10.5.20.0/24')], { adopt })
    expect(kept.attributes).toEqual({ ...node(1), backendData: { was: '10.5.20.0/24' } })
    const moved = choose(ipv4, [lease(1, '10.9.20.0/24')], { adopt })
    expect(moved.attributes).toEqual({ ...node(1), backendData: { was: '10.9.20.0/24' } })
    expect(choose(ipv4, [], { adopt }).attributes).toEqual(node(1))
  })

  it.each([
    ['outside the network', '10.9.20.0/24'],
    ['below SubnetMin', '10.5.15.0/24'],
    ['above SubnetMax', '10.5.32.0/24'],
    ['of another length', '10.5.20.0/25'],
  ])('gives up an own lease %s', (_, subnet) => {
    const own = lease(1, subnet)
    const { kept, givenUp, subnets } = choose(ipv4, [own])
    expect(kept).toBeUndefined()
    expect(givenUp).toEqual([own])
    expect(subnets.subnet).toMatch(/^10\.5\.(1[6-9]|2\d|3[01])\.0\/24$/)
  })

  it('keeps the IPv4 subnet of a node when IPv6 is switched on, and off again', () => {
    const single = lease(1, '10.5.20.0/24')
    const dual = choose({ ...ipv4, ...ipv6 }, [single, lease(2, '10.5.21.0/24')])
    expect(dual.givenUp).toEqual([single])
    expect(dual.subnets.subnet).toBe('10.5.20.0/24')
    expect(dual.subnets.ipv6Subnet).toMatch(/^fd00:0:0:1[0-9a-f]::\/64$/)
    const back = choose(ipv4, [{ ...dual.subnets, attributes: node(1) }])
    expect(back.subnets).toEqual({ subnet: '10.5.20.0/24' })
  })

  it('takes the previous subnet of each family in which it is free, and any other for the other', () => {
    const previous = { subnet: '10.5.22.0/24', ipv6Subnet: 'fd00:0:0:12::/64' }
    const config = { ...ipv4, ...ipv6 }
    expect(choose(config, [], { previous }).subnets).toEqual(previous)
    const { subnets } = choose(config, [lease(2, '10.5.22.0/24', 'fd00:0:0:13::/64')], { previous })
    expect(subnets.subnet).not.toBe(previous.subnet)
    expect(subnets.ipv6Subnet).toBe(previous.ipv6Subnet)
  })

  it.each(['10.9.22.0/24', '10.5.15.0/24', '10.5.22.0/23', 'fd00::/64'])(
    'takes no previous subnet %s',
    (subnet) => {
      expect(choose(ipv4, [], { previous: { subnet } }).subnets.subnet).not.toBe(subnet)
    },
  )

  it('leads the same node to the same subnet, and nodes that differ by a digit apart', () => {
    const first = (number: number) =>
      choose({ Network: '10.0.0.0/8' }, [], { attributes: node(number) }).subnets.subnet
    expect(first(7)).toBe(first(7))
    const firsts = Array.from({ length: 200 }, (_, number) => first(number))
    expect(new Set(firsts).size).toBeGreaterThan(195)
  })

  it('gives neither subnet of a dual-stack lease to another node', () => {
    const config = { ...ipv4, ...ipv6 }
    const leases: Lease[] = []
    for (let number = 1; number <= 16; number += 1) {
      const { subnets } = choose(config, leases, { attributes: node(number) })
      leases.push({ ...subnets, attributes: node(number) })
    }
    expect(new Set(leases.map(({ subnet }) => subnet)).size).toBe(16)
    expect(new Set(leases.map(({ ipv6Subnet }) => ipv6Subnet)).size).toBe(16)
  })

  it.each<[what: string, subnets: string[], named: string]>([
    ['two halves', ['10.5.0.0/17', '10.5.128.0/17'], '16 of them by the record of 10.5.0.0/17 alone'],
    [
      'two halves of the range',
      ['10.5.16.0/21', '10.5.24.0/21'],
      'by records of more than one each: 10.5.16.0/21 (8) and 10.5.24.0/21 (8)',
    ],
    [
      'four quarters',
      ['10.5.16.0/22', '10.5.20.0/22', '10.5.24.0/22', '10.5.28.0/22'],
      'by records of more than one each: 10.5.16.0/22 (4), 10.5.20.0/22 (4), 10.5.24.0/22 (4) and 10.5.28.0/22 (4)',
    ],
    [
      'eight eighths',
      Array.from({ length: 8 }, (_, i) => `10.5.${16 + 2 * i}.0/23`),
      'by records of more than one each: 10.5.16.0/23 (2), 10.5.18.0/23 (2), 10.5.20.0/23 (2), 10.5.22.0/23 (2) and 4 more',
    ],
    [
      'a half, and as many of one node',
      ['10.5.16.0/23', ...Array.from({ length: 14 }, (_, i) => `10.5.${18 + i}.0/24`)],
      '14 of them by records of 192.0.2.2',
    ],
  ])('names each of the records that take all: %s', (_what, subnets, named) => {
    const leases = subnets.map((subnet) => lease(2, subnet))
    expect(() => choose(ipv4, leases)).toThrow(`are taken, ${named}; widen`)
    // Without the first of them there is room.
    const [, ...others] = leases
    if (!named.includes('alone')) expect(choose(ipv4, others).subnets.subnet).toBeDefined()
  })

  it('names those of IPv6 likewise', () => {
    const halves = ['fd00:0:0:10::/61', 'fd00:0:0:18::/61'].map((subnet) => lease(2, undefined, subnet))
    expect(() => choose({ ...ipv4, ...ipv6 }, halves)).toThrow(
      'are taken, by records of more than one each: fd00:0:0:10::/61 (8) and fd00:0:0:18::/61 (8); widen',
    )
  })

  it('is not filled by records of the network or more, outside it, or within one subnet', () => {
    const harmless = [
      '10.5.0.0/16',
      '10.0.0.0/8',
      '0.0.0.0/0',
      '10.6.0.0/17',
      '10.5.16.0/32',
      '10.5.16.128/25',
    ]
    const { subnets } = choose(
      ipv4,
      harmless.map((subnet) => lease(2, subnet)),
    )
    expect(subnets.subnet).toBeDefined()
  })

  it('says which network is full, and how many subnets it has', () => {
    const full = [lease(2, '10.5.16.0/20')]
    expect(() => choose(ipv4, full)).toThrow(
      'leasing a subnet of 10.5.0.0/16: all 16 subnets of /24 from 10.5.16.0 to 10.5.31.0 are taken, ' +
        '16 of them by the record of 10.5.16.0/20 alone; ' +
        'widen the network in its config, or delete records of nodes that are gone or never were',
    )
    expect(() => choose(ipv4, full)).toThrow(expect.objectContaining({ code: 'SUBNETS_EXHAUSTED' }))
    const ipv6Full = [lease(2, undefined, 'fd00::/56')]
    expect(() => choose({ ...ipv4, ...ipv6 }, ipv6Full)).toThrow('fd00::/48: all 16 subnets of /64')
  })

  it('names the node whose records take more than one, and records that are no leases', () => {
    const all = (owner: (subnet: number) => LeaseAttributes) =>
      Array.from({ length: 16 }, (_, i) => ({ subnet: `10.5.${16 + i}.0/24`, attributes: owner(i) }))
    const nodes = all((i) => node(i + 2))
    expect(() => choose(ipv4, nodes)).toThrow('10.5.31.0 are taken; widen')
    const oneOfMany = all((i) => node(i < 13 ? 99 : i))
    expect(() => choose(ipv4, oneOfMany)).toThrow('are taken, 13 of them by records of 192.0.2.99; widen')
    const broken = all((i) => (i < 5 ? {} : node(i)))
    expect(() => choose(ipv4, broken)).toThrow('are taken, 5 of them by records that are no leases; widen')
  })

  it('leaves nothing to a record that is as wide as the network or outside it', () => {
    const records = ['10.0.0.0/8', '0.0.0.0/1', '10.4.0.0/15', '10.5.0.0/16', '10.6.0.0/16'].map((subnet) =>
      lease(2, subnet),
    )
    expect(choose(ipv4, records)).toEqual(choose(ipv4, []))
  })

  it('refuses a request that no node could be found by', () => {
    expect(() => choose(ipv4, [], { attributes: { backendType: 'vxlan' } })).toThrow(TypeError)
  })

  it('answers the same with the subnets at hand, and leaves them as they were', () => {
    const config = parseNetworkConfig(ipv4)
    const leases = [lease(1, '10.9.20.0/24'), lease(1, '10.5.16.0/25'), lease(2, '10.5.17.0/24')]
    const leased = new LeasedSubnets(config, leases)
    const request = { attributes: node(1) }
    const choice = chooseSubnets({ config, leases, request, leased })
    expect(choice).toEqual(chooseSubnets({ config, leases, request }))
    expect(leased.has({ subnet: '10.5.16.0/24' })).toBe(true)
  })
})
