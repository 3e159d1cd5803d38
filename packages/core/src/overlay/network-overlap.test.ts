import { describe, expect, it } from 'vitest'
import type { HostAddress } from '../contract/node-context.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { overlapWarnings } from './network-overlap.js'

const config = parseNetworkConfig({
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:10:244::/48',
})
const own = { subnet: '10.244.5.0/24', ipv6Subnet: 'fd00:10:244:5::/64', attributes: {} }

const warnings = (...addresses: HostAddress[]) =>
  overlapWarnings(config, own, [], { addresses, gateways: [] }, ['flannel.1'])

const on = (link: string, address: string, prefixLength: number): HostAddress => ({
  link,
  address,
  prefixLength,
})

describe('overlapWarnings', () => {
  it.each<[what: string, address: HostAddress, network: string]>([
    ['inside the network', on('eth1', '10.244.9.7', 24), '10.244.9.0/24, the network of eth1'],
    ['around the network', on('eth0', '10.0.0.7', 8), '10.0.0.0/8, the network of eth0'],
    ['around the own subnet', on('eth1', '10.244.5.7', 20), '10.244.0.0/20, the network of eth1'],
    ['of IPv6', on('eth1', 'fd00:10:244:9::7', 64), 'fd00:10:244:9::/64, the network of eth1'],
  ])('warns of a network %s', (_what, address, network) => {
    expect(warnings(address, address)).toEqual([expect.stringContaining(`overlaps ${network}`)])
  })

  it.each<[what: string, address: HostAddress]>([
    ['elsewhere', on('eth0', '192.0.2.1', 24)],
    ["of this node's own pods", on('cni0', '10.244.5.1', 24)],
    ["of the overlay's own link", on('flannel.1', '10.244.7.0', 32)],
  ])('says nothing of a network %s', (_what, address) => {
    expect(warnings(address)).toEqual([])
  })

  it('warns of routes over other links', () => {
    const routes = [
      { link: 'wg0', destination: '10.244.184.0/22' },
      { link: 'wg0', destination: '198.51.100.0/24' },
      { link: 'flannel.1', destination: '10.244.7.0/24' },
      { link: 'veth1', destination: '10.244.5.9/32' },
    ]
    expect(overlapWarnings(config, own, [], { addresses: [], gateways: [], routes }, ['flannel.1'])).toEqual([
      expect.stringContaining('overlaps 10.244.184.0/22, which this host routes over wg0'),
    ])
  })

  it('warns of routes by a gateway, but for those to peers', () => {
    const peer = { subnet: '10.244.9.0/24', ipv6Subnet: 'fd00:10:244:9::/64', attributes: {} }
    const routesByGateway = [
      // As flanneld with host-gw leaves them.
      { link: 'eth0', destination: '10.244.9.0/24', gateway: '192.0.2.9' },
      { link: 'eth0', destination: 'fd00:10:244:9::/64', gateway: '2001:db8::9' },
      { link: 'eth0', destination: '10.244.128.0/17', gateway: '192.0.2.254' },
      { link: 'eth0', destination: '10.0.0.0/8', gateway: '192.0.2.254' },
      { link: 'eth0', destination: '198.51.100.0/24', gateway: '192.0.2.254' },
    ]
    expect(
      overlapWarnings(config, own, [peer], { addresses: [], gateways: [], routesByGateway }, []),
    ).toEqual([
      expect.stringContaining(
        '10.244.0.0/16 overlaps 10.244.128.0/17, which this host routes via 192.0.2.254',
      ),
      expect.stringContaining('10.244.0.0/16 overlaps 10.0.0.0/8, which this host routes via 192.0.2.254'),
    ])
  })

  it('says nothing if no driver knows the host', () => {
    expect(overlapWarnings(config, own, [], undefined, [])).toEqual([])
  })
})
