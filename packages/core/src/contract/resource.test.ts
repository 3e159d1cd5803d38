import { describe, expect, it } from 'vitest'
import { canonicalMac } from '../net/mac.js'
import {
  address,
  fdb,
  type LinkChange,
  type LinkResource,
  link,
  linkChange,
  neighbour,
  type Resource,
  route,
  sameResource,
  satisfies,
} from './resource.js'

const MAC = 'c6:d2:32:6f:8f:44'

describe('the key and canonical form', () => {
  it.each<[what: string, resource: Resource, fields: object]>([
    [
      'of a link',
      link({ name: 'flannel.1', type: 'vxlan', macAddress: 'C6-D2-32-6F-8F-44' }),
      { kind: 'link', key: 'link flannel.1', name: 'flannel.1', type: 'vxlan', up: true, macAddress: MAC },
    ],
    [
      'of a link with settings',
      link({
        name: 'v',
        type: 'vxlan',
        up: false,
        settings: { vni: 1, local: '2001:db8::3', parent: undefined, learning: false },
      }),
      {
        kind: 'link',
        key: 'link v',
        name: 'v',
        type: 'vxlan',
        up: false,
        settings: { vni: 1, local: '2001:db8::3', learning: false },
      },
    ],
    [
      'of an address',
      address({ link: 'flannel-v6.1', address: '2001:CAFE:42:1:0::', prefixLength: 128 }),
      {
        kind: 'address',
        key: 'address flannel-v6.1 2001:cafe:42:1::/128',
        link: 'flannel-v6.1',
        address: '2001:cafe:42:1::',
        prefixLength: 128,
      },
    ],
    [
      'of a route',
      route({ destination: '10.5.7.9/24', gateway: '10.5.7.0', device: 'flannel.1', onLink: true }),
      {
        kind: 'route',
        key: 'route 254 10.5.7.0/24 0 0',
        destination: '10.5.7.0/24',
        table: 254,
        tos: 0,
        metric: 0,
        type: 'unicast',
        device: 'flannel.1',
        gateway: '10.5.7.0',
        onLink: true,
      },
    ],
    [
      'of a route of IPv6, whose metric the kernel would choose to be 1024',
      route({ destination: '2001:CAFE:42:7::/64', gateway: '2001:DB8::3', device: 'eth0' }),
      {
        kind: 'route',
        key: 'route 254 2001:cafe:42:7::/64 0 1024',
        destination: '2001:cafe:42:7::/64',
        table: 254,
        tos: 0,
        metric: 1024,
        type: 'unicast',
        device: 'eth0',
        gateway: '2001:db8::3',
        onLink: false,
      },
    ],
    [
      'of a blackhole in another table',
      route({ destination: '10.5.0.0/16', type: 'blackhole', table: 100, tos: 8, metric: 5 }),
      {
        kind: 'route',
        key: 'route 100 10.5.0.0/16 8 5',
        destination: '10.5.0.0/16',
        table: 100,
        tos: 8,
        metric: 5,
        type: 'blackhole',
        device: undefined,
        gateway: undefined,
        onLink: false,
      },
    ],
    [
      'of a neighbour',
      neighbour({ link: 'flannel.1', address: '10.5.7.0', macAddress: MAC.toUpperCase() }),
      {
        kind: 'neighbour',
        key: 'neighbour flannel.1 10.5.7.0',
        link: 'flannel.1',
        address: '10.5.7.0',
        macAddress: MAC,
      },
    ],
    [
      'of a fdb entry, which is one for a MAC',
      fdb({ link: 'flannel.1', macAddress: MAC, destination: '192.168.64.3' }),
      {
        kind: 'fdb',
        key: `fdb flannel.1 ${MAC}`,
        link: 'flannel.1',
        macAddress: MAC,
        destination: '192.168.64.3',
      },
    ],
    [
      'of an fdb entry of a group, where there may be many',
      fdb({ link: 'v', macAddress: '01:00:5e:00:00:01', destination: '192.168.64.3' }),
      {
        kind: 'fdb',
        key: 'fdb v 01:00:5e:00:00:01 192.168.64.3',
        link: 'v',
        macAddress: '01:00:5e:00:00:01',
        destination: '192.168.64.3',
      },
    ],
    [
      'of the fdb entry for all else, likewise',
      fdb({ link: 'v', macAddress: '00:00:00:00:00:00', destination: '2001:DB8::3' }),
      {
        kind: 'fdb',
        key: 'fdb v 00:00:00:00:00:00 2001:db8::3',
        link: 'v',
        macAddress: '00:00:00:00:00:00',
        destination: '2001:db8::3',
      },
    ],
  ])('%s', (_what, resource, fields) => {
    expect(resource).toStrictEqual(fields)
  })

  it.each<[what: string, make: () => unknown]>([
    ['a MAC', () => neighbour({ link: 'v', address: '10.0.0.1', macAddress: 'c6:d2' })],
    ['an address', () => neighbour({ link: 'v', address: '10.0.1', macAddress: MAC })],
    ['a network', () => route({ destination: '10.0.0.0' })],
    ['a gateway', () => route({ destination: '10.0.0.0/8', gateway: 'eth0' })],
  ])('is not to be had of what is not %s', (_what, make) => {
    expect(make).toThrow(TypeError)
  })

  it.each(['C6:D2:32:6F:8F:44', 'c6-d2-32-6f-8f-44', 'c6d2.326F.8f44'])('%j is a MAC', (text) => {
    expect(canonicalMac(text)).toBe('c6:d2:32:6f:8f:44')
  })

  it.each([
    '',
    'c6:d2:32:6f:8f',
    'c6:d2:32:6f:8f:4',
    'c6:d2:32:6f:8f:444',
    'g6:d2:32:6f:8f:44',
    'c6d2326f8f44',
    'c6:d2-32:6f-8f:44',
    'c6d2:326f:8f44',
    `${MAC} `,
  ])('%j is no MAC', (text) => {
    expect(() => canonicalMac(text)).toThrow(`'${text}' is not a MAC address`)
  })
})

describe('whether the actual satisfies the desired', () => {
  const desired = link({ name: 'flannel.1', type: 'vxlan', mtu: 1450 })
  const actual = {
    ...desired,
    macAddress: MAC,
    alias: 'x',
    acceptRouterAdvertisements: true,
    settings: { a: 1 },
  }

  it.each<[what: string, actual: Resource, desired: Resource, is: boolean]>([
    ['the same', desired, desired, true],
    ['more than is desired', actual, desired, true],
    ['less than is desired', desired, { ...desired, alias: 'x' } as Resource, false],
    ['another value', { ...actual, mtu: 1500 } as Resource, desired, false],
    [
      'a gateway that is not desired',
      route({ destination: '10.0.0.0/8', device: 'eth0', gateway: '10.0.0.1' }),
      route({ destination: '10.0.0.0/8', device: 'eth0' }),
      false,
    ],
    [
      'the same list',
      { ...desired, list: [1, { a: 2 }] } as Resource,
      { ...desired, list: [1, { a: 2 }] } as Resource,
      true,
    ],
    ['a longer list', { ...desired, list: [1, 2] } as Resource, { ...desired, list: [1] } as Resource, false],
    [
      'a list in another order',
      { ...desired, list: [2, 1] } as Resource,
      { ...desired, list: [1, 2] } as Resource,
      false,
    ],
    ['no list', desired, { ...desired, list: [] } as Resource, false],
    [
      'null for an object',
      { ...desired, deep: null } as Resource,
      { ...desired, deep: {} } as Resource,
      false,
    ],
    [
      'an object with more in it',
      { ...desired, deep: { a: 1, b: 2 } } as Resource,
      { ...desired, deep: { a: 1 } } as Resource,
      true,
    ],
  ])('%s', (_what, actual, desired, is) => {
    expect(satisfies(actual, desired)).toBe(is)
  })

  it('two are the same if each satisfies the other', () => {
    expect(sameResource(desired, { ...desired })).toBe(true)
    expect(sameResource(actual, desired)).toBe(false)
    expect(sameResource(desired, actual)).toBe(false)
  })
})

describe('what it takes to make a link as desired', () => {
  const settings = { vni: 1, local: '192.168.64.2', learning: false }
  const desired = link({
    name: 'flannel.1',
    type: 'vxlan',
    mtu: 1450,
    macAddress: MAC,
    settings,
    alias: 'ours',
  })

  it.each<[what: string, actual: Partial<LinkResource>, LinkChange]>([
    ['as it is', {}, 'none'],
    ['another MTU', { mtu: 1500 }, 'change'],
    ['another MAC', { macAddress: '02:00:00:00:00:01' }, 'change'],
    ['down', { up: false }, 'change'],
    ['without our mark', { alias: undefined }, 'change'],
    ['another type', { type: 'dummy' }, 'recreate'],
    ['another VNI', { settings: { ...settings, vni: 2 } }, 'recreate'],
    ['another local address', { settings: { ...settings, local: '192.168.64.9' } }, 'recreate'],
    ['no local address', { settings: { ...settings, local: undefined } }, 'recreate'],
    ['learning', { settings: { ...settings, learning: true } }, 'recreate'],
    ['no settings', { settings: undefined }, 'recreate'],
    ['another VNI and another MTU', { mtu: 1500, settings: { ...settings, vni: 2 } }, 'recreate'],
    ['a setting that nothing was said of', { settings: { ...settings, ttl: 64 } }, 'none'],
  ])('%s', (_what, actual, change) => {
    expect(linkChange({ ...desired, ...actual }, desired)).toBe(change)
  })

  it('a setting that is changeable for this type changes in place', () => {
    const actual = { ...desired, settings: { ...settings, learning: true } }
    expect(linkChange(actual, desired, ['learning'])).toBe('change')
    expect(linkChange({ ...actual, type: 'dummy' }, desired, ['learning'])).toBe('recreate')
  })

  it('keeps what the desired one leaves open', () => {
    const open = link({ name: 'flannel.1', type: 'vxlan' })
    expect(linkChange(desired, open)).toBe('none')
  })
})
