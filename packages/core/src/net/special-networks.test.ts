import { describe, expect, it } from 'vitest'
import { requireCidr } from './cidr.js'
import { unroutablePart, whyNoHostAddress } from './special-networks.js'

describe('networks that cannot be routed', () => {
  it.each<[network: string, part: string | undefined]>([
    ['10.244.0.0/16', undefined],
    ['100.64.0.0/10', undefined],
    ['169.254.0.0/16', undefined],
    ['240.0.0.0/8', undefined],
    ['0.0.0.0/0', "'this network'"],
    ['0.1.0.0/16', "'this network'"],
    ['64.0.0.0/2', 'loopback'],
    ['127.0.0.0/8', 'loopback'],
    ['127.3.0.0/16', 'loopback'],
    ['128.0.0.0/1', 'multicast'],
    ['224.0.0.0/4', 'multicast'],
    ['239.1.0.0/16', 'multicast'],
    ['fd00:10::/48', undefined],
    ['2001:db8::/32', undefined],
    ['::/0', 'the unspecified address'],
    ['::/8', 'the unspecified address'],
    ['::1/128', 'loopback'],
    ['::ffff:10.0.0.0/104', 'IPv4-mapped'],
    ['fe80::/64', 'link-local'],
    ['fc00::/6', 'link-local'],
    ['ff00::/8', 'multicast'],
    ['ff02::/16', 'multicast'],
  ])('%s: %s', (network, part) => {
    const found = unroutablePart(requireCidr(network))
    expect(part === undefined ? found : found?.startsWith(part)).toBe(part === undefined ? undefined : true)
  })
})

describe('addresses that no host can have', () => {
  it.each<[address: string, why: string | undefined]>([
    ['192.168.64.2', undefined],
    ['1.0.0.1', undefined],
    ['223.255.255.1', undefined],
    ['0.0.0.0', 'an unspecified address'],
    ['0.1.2.3', 'an unspecified address'],
    ['127.0.0.1', 'a loopback address'],
    ['127.8.8.8', 'a loopback address'],
    ['224.0.0.1', 'a multicast address'],
    ['239.255.255.255', 'a multicast address'],
    ['240.0.0.1', 'a reserved address'],
    ['255.255.255.254', 'a reserved address'],
    ['255.255.255.255', 'the broadcast address'],
    ['2001:db8::2', undefined],
    ['fd00::1', undefined],
    ['fe80::1', undefined],
    ['ff::1', undefined],
    ['::', 'the unspecified address'],
    ['::1', 'a loopback address'],
    ['::ffff:a00:1', 'an IPv4-mapped address'],
    ['ff02::1', 'a multicast address'],
    ['ffff::1', 'a multicast address'],
  ])('%s: %s', (address, why) => {
    expect(whyNoHostAddress(address)).toBe(why)
  })
})
