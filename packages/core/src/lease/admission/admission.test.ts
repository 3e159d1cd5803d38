import { describe, expect, it } from 'vitest'
import { factsOf, ipv4, lease, resourcesOf, Setup } from '../../../tests/admission-fixture.js'
import { route } from '../../contract/resource.js'
import { parseNetworkConfig } from '../network-config.js'

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
