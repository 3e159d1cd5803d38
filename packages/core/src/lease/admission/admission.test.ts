import { describe, expect, it } from 'vitest'
import type { HostNetwork } from '../../contract/node-context.js'
import { fdb, neighbour, type Resource, route } from '../../contract/resource.js'
import { enabledFamilies } from '../../net/address-family.js'
import { baseAddress, containsAddress, formatCidr, overlaps, requireCidr } from '../../net/cidr.js'
import { type Lease, leaseKey } from '../lease.js'
import { type NetworkConfig, parseNetworkConfig } from '../network-config.js'
import { Admission, type RefusedLease } from './admission.js'
import type { AdmissionFacts } from './facts.js'

const ipv4 = parseNetworkConfig({ Network: '10.244.0.0/16' })
const dualStack = parseNetworkConfig({
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:10:244::/48',
})

const host: HostNetwork = {
  addresses: [
    { link: 'eth0', address: '192.168.77.1', prefixLength: 24 },
    { link: 'eth0', address: 'fd77::1', prefixLength: 64 },
    { link: 'docker0', address: '172.17.0.1', prefixLength: 16 },
    { link: 'cni0', address: '10.244.1.1', prefixLength: 24 },
  ],
  gateways: ['192.168.77.254', 'fd77::fe'],
  routes: [
    { link: 'wg0', destination: '10.244.184.0/22' },
    // As of a VPN that leads to a larger network: what is inside is the overlay's.
    { link: 'wg0', destination: '10.0.0.0/8' },
  ],
}

function factsOf(config: NetworkConfig, changes: Partial<AdmissionFacts> = {}): AdmissionFacts {
  return {
    own: lease('10.244.1.0/24', '192.168.77.1', { ipv6: config.ipv6 && ['fd00:10:244:1::/64', 'fd77::1'] }),
    config,
    externalInterface: {
      name: 'eth0',
      mtu: 1500,
      ipv4: '192.168.77.1',
      ipv6: 'fd77::1',
      onLink: ['192.168.77.0/24', 'fd77::/64'],
    },
    host,
    store: { name: 'etcd', addresses: ['172.30.0.254', 'fd30::254'] },
    ...changes,
  }
}

interface LeaseChanges {
  readonly created?: number
  readonly mac?: string
  readonly ipv6?: readonly [subnet: string, publicIpv6: string | undefined, mac?: string] | undefined
  readonly type?: string
}

/** A lease with a MAC made of its node's address, unless another is given. */
function lease(
  subnet: string | undefined,
  publicIp: string | undefined,
  { created, mac, ipv6, type = 'vxlan' }: LeaseChanges = {},
): Lease {
  const macOf = (address = '') => `02:${address.slice(-2).padStart(2, '0').replace(/[.:]/g, '0')}:00:00:00:00`
  return {
    subnet,
    ipv6Subnet: ipv6?.[0],
    attributes: {
      publicIp,
      publicIpv6: ipv6?.[1],
      backendType: type,
      backendData: mac ?? macOf(publicIp),
      backendV6Data: ipv6?.[2] ?? macOf(ipv6?.[1]),
    },
    created,
  }
}

/** What vxlan makes of a lease. */
function resourcesOf(config: NetworkConfig, one: Lease): Resource[] {
  return enabledFamilies(config).flatMap((parts) => {
    const [subnet, address] = [one[parts.subnet], one.attributes[parts.publicAddress]]
    const mac = String(one.attributes[parts.backendData])
    const link = `flannel-${parts.family}`
    if (subnet === undefined) return []
    if (address === undefined) throw new RangeError(`${parts.name}: no address`)
    return [
      neighbour({ link, address: baseAddress(subnet), macAddress: mac }),
      fdb({ link, macAddress: mac, destination: address }),
      route({ destination: subnet, device: link, gateway: baseAddress(subnet), onLink: true }),
    ]
  })
}

/** An admission, what it has handed over by lease, and what it has refused. */
class Setup {
  readonly held = new Map<string, readonly Resource[]>()
  readonly refused: RefusedLease[] = []
  readonly admission: Admission
  readonly facts: AdmissionFacts
  calls = 0

  constructor(
    facts: AdmissionFacts,
    backend = (one: Lease): readonly Resource[] => resourcesOf(facts.config, one),
    ownKeys: readonly string[] = [],
  ) {
    this.facts = facts
    const holders = new Map<string, string[]>()
    this.admission = new Admission(
      {
        resourcesOf: (one) => {
          this.calls += 1
          return backend(one)
        },
        holdersOf: (key) => holders.get(key) ?? [],
        isOwn: (key) => ownKeys.includes(key),
        hold: (leaseKey, resources) => {
          for (const { key } of this.held.get(leaseKey) ?? []) {
            if (!resources.some((kept) => kept.key === key)) {
              holders.set(
                key,
                (holders.get(key) ?? []).filter((holder) => holder !== leaseKey),
              )
            }
          }
          for (const { key } of resources) {
            const before = holders.get(key) ?? []
            if (!before.includes(leaseKey)) holders.set(key, [...before, leaseKey])
          }
          this.held.set(leaseKey, resources)
        },
      },
      facts,
    )
  }

  put(...leases: readonly Lease[]): void {
    this.refused.push(...this.admission.put(leases.map((one) => [leaseKey(one), one])))
  }

  delete(one: Lease): void {
    this.refused.push(...this.admission.delete(leaseKey(one)))
  }

  decideAgain(changes: Partial<AdmissionFacts>): void {
    this.refused.push(...this.admission.decideAgain({ ...this.facts, ...changes }))
  }

  /** The destinations of the routes that are held, in order. */
  get routes(): string[] {
    const routes = [...this.held.values()].flat().filter(({ kind }) => kind === 'route')
    return routes.map((held) => String(Reflect.get(held, 'destination'))).sort()
  }
}

describe('what a lease must be, whatever the others are', () => {
  const peer = '192.168.77.9'
  const rows: readonly [
    what: string,
    subnet: string,
    publicIp: string | undefined,
    why: string | undefined,
  ][] = [
    ['a peer', '10.244.5.0/24', peer, undefined],
    ['one behind a router', '10.244.5.0/24', '172.16.9.3', undefined],
    ['one of another length', '10.244.5.128/26', peer, undefined],
    [
      "the store's address",
      '172.30.0.254/32',
      peer,
      '172.30.0.254/32 overlaps 172.30.0.254, at which etcd is reached',
    ],
    ["the store's network", '172.30.0.0/16', peer, 'overlaps 172.30.0.254, at which etcd is reached'],
    ['a gateway', '192.168.77.254/32', peer, 'overlaps 192.168.77.254, a gateway of this host'],
    ['half the LAN', '192.168.77.128/25', peer, 'overlaps 192.168.77.254, a gateway of this host'],
    ['a part of the LAN', '192.168.77.64/26', peer, 'overlaps 192.168.77.0/24, the network of eth0'],
    ['more than the LAN', '192.168.0.0/16', '172.16.9.3', 'overlaps 192.168.77.254, a gateway of this host'],
    ["the host's own address", '192.168.77.1/32', peer, 'overlaps 192.168.77.1, an address of this host'],
    ['the network of another link', '172.17.5.0/24', peer, 'overlaps 172.17.0.0/16, the network of docker0'],
    [
      'its own address',
      '10.244.5.0/24',
      '10.244.5.9',
      '10.244.5.0/24 contains the address of its own node, 10.244.5.9',
    ],
    ['loopback', '127.0.0.0/24', peer, '127.0.0.0/24 overlaps loopback'],
    ['multicast', '224.0.1.0/24', peer, '224.0.1.0/24 overlaps multicast'],
    ['half of everything', '0.0.0.0/1', peer, "overlaps this node's own subnet, 10.244.1.0/24"],
    ['what no packet is sent to', '0.0.0.0/8', peer, "0.0.0.0/8 overlaps 'this network'"],
    ['an address anywhere', '8.8.8.8/32', peer, '8.8.8.8/32 is not inside 10.244.0.0/16'],
    ['all of the network', '10.244.0.0/16', peer, "overlaps this node's own subnet, 10.244.1.0/24"],
    ['the address of a loopback', '10.244.5.0/24', '127.0.0.1', 'PublicIP, 127.0.0.1, is a loopback address'],
    ['one of a multicast group', '10.244.5.0/24', '224.0.0.5', 'PublicIP, 224.0.0.5, is a multicast address'],
    ['the broadcast address', '10.244.5.0/24', '255.255.255.255', 'is the broadcast address'],
    [
      "the LAN's broadcast address",
      '10.244.5.0/24',
      '192.168.77.255',
      'is the broadcast address of 192.168.77.0/24',
    ],
    ["another link's", '10.244.5.0/24', '172.17.255.255', 'is the broadcast address of 172.17.0.0/16'],
    ['a reserved address', '10.244.5.0/24', '240.0.0.1', 'is a reserved address'],
    ['an unspecified address', '10.244.5.0/24', '0.0.0.1', 'is an unspecified address'],
    [
      "a network behind this host's VPN",
      '10.244.185.0/24',
      peer,
      '10.244.185.0/24 overlaps 10.244.184.0/22, which this host routes over wg0',
    ],
    [
      'an address in the subnet of this host',
      '10.244.5.0/24',
      '10.244.1.9',
      "its PublicIP, 10.244.1.9, lies in this node's own subnet",
    ],
    [
      "an address of this host's",
      '10.244.5.0/24',
      '172.17.0.1',
      'PublicIP, 172.17.0.1, is an address of this host',
    ],
    ['no address', '10.244.5.0/24', undefined, 'IPv4: no address'],
  ]
  it.each(rows)('%s: %s of %s', (_what, subnet, publicIp, why) => {
    const setup = new Setup(factsOf(ipv4))
    setup.put(lease(subnet, publicIp))
    expect(setup.routes).toEqual(why === undefined ? [subnet] : [])
    expect(setup.refused.map(({ message }) => message)).toEqual(
      why === undefined ? [] : [expect.stringContaining(why)],
    )
    for (const { message } of setup.refused) expect(message).toContain(`the lease of ${subnet}`)
  })

  it('is the same without a driver that knows the host, as far as its interface tells', () => {
    const setup = new Setup(factsOf(ipv4, { host: undefined }))
    setup.put(
      lease('192.168.77.128/25', '192.168.77.2'),
      lease('10.244.6.0/24', '192.168.77.255'),
      lease('10.244.5.0/24', '192.168.77.3'),
    )
    expect(setup.routes).toEqual(['10.244.5.0/24'])
  })

  it('is of the backend that this node has: reported, once', () => {
    const setup = new Setup(factsOf(ipv4))
    const other = lease('10.244.5.0/24', peer, { type: 'host-gw' })
    setup.put(other)
    setup.put({ ...other, attributes: { ...other.attributes, backendData: 'other' } })
    expect(setup.routes).toEqual([])
    expect(setup.refused).toMatchObject([
      {
        code: 'INVALID_LEASE',
        message: expect.stringContaining('its backend is "host-gw", and this node\'s is "vxlan"'),
      },
    ])
  })

  it('costs that lease alone, whatever the backend throws for it', () => {
    const setup = new Setup(factsOf(ipv4), (one) => {
      if (one.subnet === '10.244.5.0/24') throw new RangeError('Maximum call stack size exceeded')
      return resourcesOf(ipv4, one)
    })
    setup.put(lease('10.244.5.0/24', peer), lease('10.244.6.0/24', '192.168.77.6'))
    expect(setup.routes).toEqual(['10.244.6.0/24'])
    expect(setup.refused).toMatchObject([
      { code: 'INVALID_LEASE', message: expect.stringContaining('Maximum call') },
    ])
  })
})

describe('a resource that this node needs for itself', () => {
  it("is no peer's: that lease is refused, and named", () => {
    const network = route({ destination: '10.244.0.0/16', device: 'flannel-4' })
    const setup = new Setup(
      factsOf(ipv4),
      (one) => (one.subnet === '10.244.5.0/24' ? [network] : resourcesOf(ipv4, one)),
      [network.key],
    )
    setup.put(lease('10.244.5.0/24', '192.168.77.5'), lease('10.244.6.0/24', '192.168.77.6'))
    expect(setup.routes).toEqual(['10.244.6.0/24'])
    expect(setup.refused).toMatchObject([
      {
        code: 'LEASE_CONFLICT',
        message: expect.stringContaining(`it needs '${network.key}', which is this node's own`),
      },
    ])
  })
})

describe("a network that overlaps the host's own", () => {
  const inside = factsOf(parseNetworkConfig({ Network: '10.244.0.0/16' }), {
    host: { addresses: [{ link: 'eth0', address: '10.1.2.3', prefixLength: 8 }], gateways: ['10.0.0.1'] },
    externalInterface: { name: 'eth0', mtu: 1500, ipv4: '10.1.2.3', onLink: ['10.0.0.0/8'] },
    own: lease('10.244.1.0/24', '10.1.2.3'),
  })

  it('and lies in a larger one: leases inside it are admitted, and no others', () => {
    const setup = new Setup(inside)
    setup.put(
      lease('10.244.5.0/24', '10.1.2.4'),
      lease('10.9.0.0/16', '10.1.2.5'),
      lease('10.0.0.0/24', '10.1.2.6'),
    )
    expect(setup.routes).toEqual(['10.244.5.0/24'])
    expect(setup.refused.map(({ message }) => message)).toEqual([
      expect.stringContaining('10.9.0.0/16 overlaps 10.0.0.0/8, the network of eth0'),
      expect.stringContaining('10.0.0.0/24 overlaps 10.0.0.1, a gateway of this host'),
    ])
  })

  it('and holds a smaller one: a lease that takes any of that is refused', () => {
    const setup = new Setup(
      factsOf(ipv4, {
        host: { addresses: [{ link: 'eth1', address: '10.244.8.1', prefixLength: 24 }], gateways: [] },
      }),
    )
    setup.put(
      lease('10.244.8.0/24', '192.168.77.2'),
      lease('10.244.8.128/25', '192.168.77.3'),
      lease('10.244.9.0/24', '192.168.77.4'),
    )
    expect(setup.routes).toEqual(['10.244.9.0/24'])
  })
})

describe('a subnet outside the network', () => {
  const outside = lease('10.245.5.0/24', '192.168.77.9')

  it('is admitted once the store holds a config that it lies in', () => {
    const setup = new Setup(factsOf(ipv4))
    setup.put(outside)
    expect(setup.routes).toEqual([])
    setup.decideAgain({ storeConfig: parseNetworkConfig({ Network: '10.244.0.0/15' }) })
    expect(setup.routes).toEqual(['10.245.5.0/24'])
    setup.decideAgain({ storeConfig: ipv4 })
    expect(setup.routes).toEqual([])
  })
})

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

describe('facts that change', () => {
  it("take the resources of a lease that covers the store's new address, and give them back", () => {
    const setup = new Setup(factsOf(ipv4, { store: { name: 'etcd', addresses: [] } }))
    setup.put(lease('10.244.5.0/24', '192.168.77.3'), lease('10.244.6.0/24', '192.168.77.4'))
    setup.decideAgain({ store: { name: 'etcd', addresses: ['10.244.5.9'] } })
    expect(setup.routes).toEqual(['10.244.6.0/24'])
    expect(setup.refused[0]?.message).toContain('10.244.5.0/24 overlaps 10.244.5.9, at which etcd is reached')
    setup.decideAgain({ store: { name: 'etcd', addresses: [] } })
    expect(setup.routes).toEqual(['10.244.5.0/24', '10.244.6.0/24'])
  })

  it('take those of a subnet that has become the own', () => {
    const setup = new Setup(factsOf(ipv4))
    setup.put(lease('10.244.5.0/24', '192.168.77.3'))
    setup.decideAgain({ own: lease('10.244.5.0/24', '192.168.77.1') })
    expect(setup.refused).toMatchObject([{ code: 'LEASE_CONFLICT' }])
    expect(setup.routes).toEqual([])
  })
})

describe('with 60,000 peers', () => {
  const config = parseNetworkConfig({ Network: '10.0.0.0/8' })
  const peer = (n: number, changes: LeaseChanges = {}) =>
    lease(`10.${n >> 8}.${n & 255}.0/24`, `172.16.${n >> 8}.${n & 255}`, {
      created: n,
      mac: `02:00:00:00:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`,
      ...changes,
    })
  const facts = factsOf(config, { own: lease('10.255.255.0/24', '192.168.77.1') })

  it("one lease's event decides that lease alone", () => {
    const setup = new Setup(facts)
    setup.put(...Array.from({ length: 60_000 }, (_, n) => peer(n + 256)))
    expect(setup.refused).toEqual([])
    setup.calls = 0
    setup.put(peer(999, { mac: '02:ff:00:00:00:00' }))
    setup.delete(peer(999))
    setup.put(peer(999))
    // A hostile one is decided against those that it excludes.
    setup.put(lease('10.20.30.0/32', '172.16.250.1', { created: 99_999 }))
    expect(setup.calls).toBeLessThan(10)
  }, 60_000)

  it('does not grow with the number of claims to one MAC, as clones of one machine have it', () => {
    const setup = new Setup(factsOf(parseNetworkConfig({ Network: '10.0.0.0/8' })))
    const clones = Array.from({ length: 2_000 }, (_, n) =>
      lease(`10.${20 + (n >> 8)}.${n & 255}.0/24`, `172.16.${n >> 8}.${n & 255}`, {
        created: n,
        mac: '02:00:00:00:00:07',
      }),
    )
    setup.put(...clones)
    expect(setup.routes).toEqual(['10.20.0.0/24'])
    setup.calls = 0
    const [oldest, second] = clones
    if (oldest === undefined || second === undefined) throw new Error('no clones')
    setup.delete(oldest)
    expect(setup.routes).toEqual(['10.20.1.0/24'])
    setup.put(oldest)
    expect(setup.routes).toEqual(['10.20.0.0/24'])
    expect(setup.calls).toBeLessThan(10)
    for (const clone of clones.slice(0, -1)) setup.delete(clone)
    expect(setup.routes).toEqual(['10.27.207.0/24'])
    expect(setup.calls).toBeLessThan(3 * clones.length)
  })
})

describe('whatever comes and goes', () => {
  /** Numbers that look random, the same for a seed: a linear congruential generator (Numerical Recipes). */
  function numbers(seed: number): (bound: number) => number {
    let state = seed
    return (bound) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * bound)
    }
  }

  /** Those that the oldest admit among themselves: what the verdict is by definition. */
  function expected(leases: readonly Lease[]): string[] {
    const admitted: Lease[] = []
    for (const one of leases.toSorted((a, b) => (a.created ?? 0) - (b.created ?? 0))) {
      const rivals = admitted.filter((other) => excludes(one, other))
      if (rivals.length === 0) admitted.push(one)
    }
    return admitted.map(({ subnet = '' }) => subnet).sort()
  }

  function excludes(a: Lease, b: Lease): boolean {
    const [subnetA = '', subnetB = ''] = [a.subnet, b.subnet]
    const [addressA = '', addressB = ''] = [a.attributes.publicIp, b.attributes.publicIp]
    if (addressA === addressB) return false
    return (
      overlaps(requireCidr(subnetA), requireCidr(subnetB)) ||
      containsAddress(subnetA, addressB) ||
      containsAddress(subnetB, addressA) ||
      a.attributes.backendData === b.attributes.backendData
    )
  }

  it.each(Array.from({ length: 50 }, (_, index) => index + 1))('seed %i', (seed) => {
    const next = numbers(seed)
    const setup = new Setup(factsOf(ipv4))
    const leases = new Map<string, Lease>()
    for (let step = 0; step < 60; step += 1) {
      const changes: Lease[] = []
      for (let count = next(3); count >= 0; count -= 1) {
        const length = [24, 24, 24, 25, 23, 32][next(6)] ?? 24
        const subnet = formatCidr(requireCidr(`10.244.${16 + next(12)}.${next(2) * 128}/${length}`))
        const node = next(8)
        const publicIp = node === 7 ? `10.244.${16 + next(12)}.200` : `192.168.77.${node + 2}`
        const one = lease(subnet, publicIp, {
          created: seed * 1000 + step * 3 + count,
          // Few of them: many claims contest one, and it passes from one to the next.
          mac: `02:00:00:00:00:0${next(seed % 2 === 0 ? 9 : 2)}`,
        })
        if (!containsAddress(subnet, publicIp)) changes.push(one)
      }
      const gone = [...leases.values()].filter(() => next(6) === 0)
      for (const one of gone) {
        leases.delete(leaseKey(one))
        setup.delete(one)
      }
      for (const one of changes)
        leases.set(leaseKey(one), { ...one, created: leases.get(leaseKey(one))?.created ?? one.created })
      setup.put(...changes.map((one) => leases.get(leaseKey(one)) ?? one))
      if (next(10) === 0) setup.decideAgain({})
      expect(setup.routes, `step ${step}`).toEqual(expected([...leases.values()]))
    }
  })
})
