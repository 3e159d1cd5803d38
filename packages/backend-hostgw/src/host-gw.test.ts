import {
  type ExternalInterface,
  type Lease,
  type LeaseContext,
  parseNetworkConfig,
  type Resource,
} from '@selvedge/core'
import { encodeLeaseAttributes, route } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { hostGw } from './index.js'

const eth0: ExternalInterface = {
  name: 'eth0',
  mtu: 1500,
  ipv4: '192.168.64.2',
  ipv6: '2001:db8::2',
  onLink: ['192.168.64.0/24', '2001:db8::/64'],
}
const networks = {
  IPv4: { Network: '10.5.0.0/16' },
  IPv6: { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' },
  'dual-stack': { EnableIPv6: true, Network: '10.5.0.0/16', IPv6Network: '2001:cafe:42::/48' },
} as const
type Families = keyof typeof networks

function node(network: Families, changes: Partial<LeaseContext> = {}): LeaseContext {
  const config = parseNetworkConfig({ ...networks[network], Backend: { Type: 'host-gw' } })
  const publicIp = config.ipv4 && '192.168.64.2'
  const publicIpv6 = config.ipv6 && '2001:db8::2'
  return {
    config,
    externalInterface: eth0,
    publicIp,
    publicIpv6,
    lease: { subnet: '10.5.52.0/24', attributes: { publicIp, publicIpv6, backendType: 'host-gw' } },
    ...changes,
  }
}

const peer: Lease = {
  subnet: '10.5.7.0/24',
  ipv6Subnet: '2001:cafe:42:7::/64',
  attributes: { publicIp: '192.168.64.3', publicIpv6: '2001:db8::3', backendType: 'host-gw' },
}
const ipv4Peer: Lease = { ...peer, ipv6Subnet: undefined }
const ipv6Peer: Lease = { ...peer, subnet: undefined }

const route4 = route({ destination: '10.5.7.0/24', gateway: '192.168.64.3', device: 'eth0' })
const route6 = route({ destination: '2001:cafe:42:7::/64', gateway: '2001:db8::3', device: 'eth0' })

describe("a peer's resources", () => {
  const rows: readonly [what: string, Families, Lease, Resource[]][] = [
    ['an IPv4 peer', 'IPv4', ipv4Peer, [route4]],
    ['an IPv6 peer', 'IPv6', ipv6Peer, [route6]],
    ['a dual-stack peer', 'dual-stack', peer, [route4, route6]],
    ['a dual-stack peer with only IPv4 on', 'IPv4', peer, [route4]],
    ['an IPv4 peer with both on', 'dual-stack', ipv4Peer, [route4]],
    ['an IPv6 peer with only IPv4 on', 'IPv4', ipv6Peer, []],
    ['a vxlan peer', 'IPv4', { ...peer, attributes: { ...peer.attributes, backendType: 'vxlan' } }, []],
    ['a peer without a type (udp, alloc)', 'IPv4', { ...peer, attributes: { publicIp: '192.168.64.3' } }, []],
  ]
  it.each(rows)('%s', (_what, network, lease, resources) => {
    expect(hostGw().peer(lease, node(network))).toEqual(resources)
  })

  it.each<[what: string, attributes: object, says: string]>([
    [
      'on another network',
      { publicIp: '192.168.65.3' },
      '192.168.65.3 is not on the network of eth0 (192.168.64.0/24, 2001',
    ],
    ['without an address', { publicIp: undefined }, 'has no PublicIP'],
  ])('refuses a peer %s', (_what, attributes, says) => {
    const lease = { ...ipv4Peer, attributes: { ...ipv4Peer.attributes, ...attributes } }
    const answer = () => hostGw().peer(lease, node('IPv4'))
    expect(answer).toThrow(expect.objectContaining({ code: 'INVALID_LEASE' }))
    expect(answer).toThrow(says)
    expect(answer).toThrow('the lease of 10.5.7.0/24')
  })
})

describe('the node itself', () => {
  it.each<Families>(['IPv4', 'IPv6', 'dual-stack'])('needs no resources of its own (%s)', (network) => {
    expect(hostGw().local(node(network))).toEqual([])
  })

  it('publishes what flannel would, byte for byte', () => {
    expect(encodeLeaseAttributes(hostGw().attributes(node('IPv4')))).toBe(
      '{"PublicIP":"192.168.64.2","PublicIPv6":null,"BackendType":"host-gw"}',
    )
    expect(encodeLeaseAttributes(hostGw().attributes(node('dual-stack')))).toBe(
      '{"PublicIP":"192.168.64.2","PublicIPv6":"2001:db8::2","BackendType":"host-gw"}',
    )
  })

  it("leaves pods the interface's full MTU", () => {
    expect(hostGw().mtu(node('IPv4', { externalInterface: { ...eth0, mtu: 9000 } }))).toBe(9000)
  })

  it.each<[Families, Partial<LeaseContext>, string]>([
    [
      'IPv4',
      { publicIp: '203.0.113.7' },
      'the public IPv4 address is 203.0.113.7, but that of eth0 is 192.168.64.2',
    ],
    [
      'dual-stack',
      { publicIpv6: '2001:db8:1::7' },
      'the public IPv6 address is 2001:db8:1::7, but that of eth0 is 2001:db8::2',
    ],
    ['IPv4', { externalInterface: { ...eth0, ipv4: undefined } }, 'eth0 has no IPv4 address'],
  ])('of %s refuses %o', (network, changes, says) => {
    for (const answer of [
      () => hostGw().attributes(node(network, changes)),
      () => hostGw().local(node(network, changes)),
    ]) {
      expect(answer).toThrow(expect.objectContaining({ code: 'INTERFACE_UNSUITABLE' }))
      expect(answer).toThrow(says)
    }
  })

  it('warns of settings, since it has none', () => {
    const config = parseNetworkConfig({ ...networks.IPv4, Backend: { Type: 'host-gw', MTU: 1400 } })
    expect(hostGw().warnings?.(node('IPv4', { config }))).toEqual([
      'in the host-gw settings, the key MTU means nothing; known keys: none',
    ])
  })
})
