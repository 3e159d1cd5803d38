import { expect, it } from 'vitest'
import { type AddressMessage, AF_INET, AF_INET6 } from '../rtnetlink/index.js'
import { usableAddresses } from './usable-addresses.js'

/** `permanent` unless it says otherwise; in the order of the kernel's list. */
function address(text: string, ...properties: readonly string[]): AddressMessage {
  const [local = '', length] = text.split('/')
  const has = (name: string, flag: number): number => (properties.includes(name) ? flag : 0)
  const flags = has('secondary', 1) | has('temporary', 1) | has('dadfailed', 8) | has('deprecated', 32)
  return {
    family: local.includes(':') ? AF_INET6 : AF_INET,
    index: 2,
    local,
    prefixLength: Number(length),
    scope: properties.includes('link') ? 253 : properties.includes('host') ? 254 : 0,
    flags: flags | has('tentative', 64) | (properties.includes('dynamic') ? 0 : 128),
  }
}

it.each<[string, AddressMessage[], string[]]>([
  ['a VIP last', [address('10.0.0.9/32'), address('10.0.0.1/24')], ['10.0.0.1', '10.0.0.9']],
  ['a VIP, if there is nothing else', [address('10.128.0.2/32')], ['10.128.0.2']],
  ['an IPv6 VIP last', [address('fd00::9/128'), address('fd00::1/64')], ['fd00::1', 'fd00::9']],
  ['global first', [address('169.254.3.1/16', 'link'), address('10.0.0.1/32')], ['10.0.0.1', '169.254.3.1']],
  ['permanent first', [address('fd00::1/64', 'dynamic'), address('fd00::2/64')], ['fd00::2', 'fd00::1']],
  ['primary first', [address('10.0.0.1/24', 'secondary'), address('10.0.0.2/24')], ['10.0.0.2', '10.0.0.1']],
  [
    'none that is deprecated',
    [address('10.0.0.1/24', 'deprecated'), address('fd00::1/64', 'deprecated')],
    [],
  ],
  ['none that is temporary', [address('fd00::5/64', 'dynamic', 'temporary')], []],
  [
    'none that may not be unique',
    [address('fd00::1/64', 'tentative'), address('fd00::2/64', 'dadfailed')],
    [],
  ],
  ['no link-local IPv6, no host scope', [address('fe80::1/64', 'link'), address('10.0.0.1/24', 'host')], []],
  [
    'IPv6 equals by value, not in the kernel’s order',
    [address('fd00::20/64'), address('fd00::3/64'), address('10.0.1.1/24')],
    ['10.0.1.1', 'fd00::3', 'fd00::20'],
  ],
])('takes %s', (_, addresses, expected) => {
  expect(usableAddresses(addresses)).toEqual(expected)
  expect(usableAddresses(addresses.toReversed())).toEqual(expected)
})

it('takes IPv4 equals in the kernel’s order, as flannel does', () => {
  const addresses = [address('192.168.0.1/24'), address('172.31.5.1/16')]
  expect(usableAddresses(addresses)).toEqual(['192.168.0.1', '172.31.5.1'])
})
