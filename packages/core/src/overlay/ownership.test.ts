import { describe, expect, it } from 'vitest'
import { link, route } from '../contract/resource.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { ownershipScope, withAlias } from './ownership.js'

const config = parseNetworkConfig({
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00::/48',
})
const device = link({ name: 'flannel.1', type: 'vxlan' })
const path = route({ destination: '10.244.2.0/24', device: 'flannel.1' })

describe('withAlias', () => {
  it('marks links, and nothing else, with the first network', () => {
    expect(withAlias([device, path], config)).toEqual([{ ...device, alias: 'selvedge 10.244.0.0/16' }, path])
  })
})

describe('ownershipScope', () => {
  it('takes in the links that are desired, and the networks of now and before', () => {
    const formerNetworks = ['10.99.0.0/16', '10.244.0.0/16']
    const externalInterface = { name: 'eth0', mtu: 1500, onLink: ['192.168.0.0/24'] }
    const [local, outside, reachable] = [[device, path], ['10.7.0.0/24'], ['192.0.2.254']]
    expect(ownershipScope({ config, formerNetworks, local, outside, externalInterface, reachable })).toEqual({
      aliases: ['selvedge 10.244.0.0/16', 'selvedge fd00::/48', 'selvedge 10.99.0.0/16'],
      links: ['flannel.1'],
      networks: ['10.244.0.0/16', 'fd00::/48', '10.99.0.0/16', '10.7.0.0/24'],
      reachable: ['192.0.2.254'],
      externalInterface: 'eth0',
      onLink: ['192.168.0.0/24'],
    })
  })
})
