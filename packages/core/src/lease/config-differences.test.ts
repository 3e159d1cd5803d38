import { describe, expect, it } from 'vitest'
import { configDifferences } from './config-differences.js'
import { parseNetworkConfig } from './network-config.js'

const network = { Network: '10.244.0.0/16' }

describe('configDifferences', () => {
  it.each<[what: string, before: object, after: object, differences: string[]]>([
    ['the same', network, { network: '10.244.0.0/16', SubnetLen: 24 }, []],
    ['a key that means nothing', network, { ...network, Colour: 'red' }, []],
    [
      'another network',
      network,
      { Network: '10.1.0.0/16' },
      [
        'Network is 10.1.0.0/16, was 10.244.0.0/16',
        'SubnetMin is 10.1.1.0, was 10.244.1.0',
        'SubnetMax is 10.1.255.0, was 10.244.255.0',
      ],
    ],
    [
      'a family more',
      network,
      { ...network, EnableIPv6: true, IPv6Network: 'fd00::/48' },
      [
        'IPv6Network is fd00::/48, was absent',
        'IPv6SubnetLen is 64, was absent',
        'IPv6SubnetMin is fd00:0:0:1::, was absent',
        'IPv6SubnetMax is fd00:0:0:ffff::, was absent',
      ],
    ],
    [
      'another backend',
      { ...network, Backend: { Type: 'vxlan', VNI: 1 } },
      { ...network, EnableNFTables: true, Backend: { Type: 'host-gw' } },
      ['EnableNFTables is true, was false', 'Backend.Type is host-gw, was vxlan', 'Backend.VNI differs'],
    ],
    [
      'a secret, which is not shown',
      { ...network, Backend: { Type: 'ipsec', PSK: 'open sesame' } },
      { ...network, Backend: { Type: 'ipsec', PSK: 'shut sesame' } },
      ['Backend.PSK differs'],
    ],
  ])('%s', (_, before, after, differences) => {
    expect(configDifferences(parseNetworkConfig(before), parseNetworkConfig(after))).toEqual(differences)
  })
})
