import { describe, expect, it } from 'vitest'
import type { ExternalInterface, NodeContext } from '../contract/node-context.js'
import type { Lease } from '../lease/lease.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { enabledFamilies, IPV4_PARTS, IPV6_PARTS } from './address-family.js'
import { describeLease, interfaceAddress, peerAddresses, publicAddresses } from './public-address.js'

const ipv4 = parseNetworkConfig({ Network: '10.244.0.0/16' })
const ipv6 = parseNetworkConfig({ EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00::/48' })
const dualStack = parseNetworkConfig({ Network: '10.244.0.0/16', EnableIPv6: true, IPv6Network: 'fd00::/48' })
const eth0: ExternalInterface = {
  name: 'eth0',
  mtu: 1500,
  ipv4: '192.168.64.2',
  ipv6: '2001:db8::2',
  onLink: ['192.168.64.0/24', '2001:db8::/64'],
}
const node: NodeContext = {
  config: dualStack,
  externalInterface: eth0,
  publicIp: '203.0.113.7',
  publicIpv6: '2001:db8::2',
}

it('lists the families that are on, IPv4 first', () => {
  expect(enabledFamilies(ipv4)).toEqual([IPV4_PARTS])
  expect(enabledFamilies(ipv6)).toEqual([IPV6_PARTS])
  expect(enabledFamilies(dualStack)).toEqual([IPV4_PARTS, IPV6_PARTS])
})

describe('the addresses of a node', () => {
  it('are published for the families that are on', () => {
    expect(publicAddresses(node)).toEqual({ publicIp: '203.0.113.7', publicIpv6: '2001:db8::2' })
    expect(publicAddresses({ ...node, config: ipv4 })).toEqual({ publicIp: '203.0.113.7' })
    expect(publicAddresses({ ...node, config: ipv6 })).toEqual({ publicIpv6: '2001:db8::2' })
  })

  it('are the source of what goes to peers, as the interface has them', () => {
    expect(interfaceAddress(node, IPV4_PARTS)).toBe('192.168.64.2')
    expect(interfaceAddress(node, IPV6_PARTS)).toBe('2001:db8::2')
  })

  it.each<[what: string, () => unknown, family: string]>([
    ['a public address', () => publicAddresses({ ...node, publicIpv6: undefined }), 'IPv6'],
    [
      'an address of its interface',
      () => interfaceAddress({ ...node, externalInterface: { ...eth0, ipv4: undefined } }, IPV4_PARTS),
      'IPv4',
    ],
  ])('are missed if there is not %s', (_what, ask, family) => {
    expect(ask).toThrow(expect.objectContaining({ code: 'INTERFACE_UNSUITABLE' }))
    expect(ask).toThrow(
      `${family} is on in the network config, but the external interface eth0 has no ${family} address`,
    )
  })
})

describe('a lease', () => {
  const lease: Lease = {
    subnet: '10.244.5.0/24',
    ipv6Subnet: 'fd00:0:0:5::/64',
    attributes: { publicIp: '192.168.64.3', publicIpv6: '2001:db8::3' },
  }

  it('says for each family at which address its node is', () => {
    expect(peerAddresses(lease, IPV4_PARTS)).toEqual({
      subnet: '10.244.5.0/24',
      publicAddress: '192.168.64.3',
    })
    expect(peerAddresses(lease, IPV6_PARTS)).toEqual({
      subnet: 'fd00:0:0:5::/64',
      publicAddress: '2001:db8::3',
    })
  })

  it('says nothing of a family that it has not', () => {
    expect(peerAddresses({ ...lease, ipv6Subnet: undefined }, IPV6_PARTS)).toBeUndefined()
  })

  it('without an address of its node is refused', () => {
    const lost: Lease = { ...lease, attributes: { publicIp: '192.168.64.3' } }
    expect(() => peerAddresses(lost, IPV6_PARTS)).toThrow(expect.objectContaining({ code: 'INVALID_LEASE' }))
    expect(() => peerAddresses(lost, IPV6_PARTS)).toThrow(
      'has no PublicIPv6: fd00:0:0:5::/64 cannot be reached',
    )
  })

  it.each<[Lease, string]>([
    [lease, 'the lease of 10.244.5.0/24 and fd00:0:0:5::/64 (192.168.64.3, 2001:db8::3)'],
    [
      { subnet: '10.244.5.0/24', attributes: { publicIp: '192.168.64.3' } },
      'the lease of 10.244.5.0/24 (192.168.64.3)',
    ],
    [{ ipv6Subnet: 'fd00:0:0:5::/64', attributes: {} }, 'the lease of fd00:0:0:5::/64'],
    [{ attributes: {} }, 'the lease of no subnet'],
  ])('is named in messages: %o', (named, text) => {
    expect(describeLease(named)).toBe(text)
  })
})
