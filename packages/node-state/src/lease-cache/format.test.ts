import {
  type ChosenInterface,
  type Lease,
  leaseKey,
  type PublicAddresses,
  parseNetworkConfig,
} from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { decodeCachedNode, decodeLeaseCache, encodeLeaseCache } from './format.js'
import type { KnownNetwork } from './known-network.js'

const STORE = 'etcd http://127.0.0.1:2379/coreos.com/network'

const own: Lease = {
  subnet: '10.244.5.0/24',
  attributes: {
    publicIp: '192.168.64.3',
    backendType: 'vxlan',
    backendData: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f:44' },
  },
  expiresAt: Date.UTC(2024, 0, 2, 3, 4, 5),
}

function network(config: object, ...leases: Lease[]): KnownNetwork {
  return {
    config: parseNetworkConfig(config),
    own: leases[0],
    leases: new Map(leases.map((lease) => [leaseKey(lease), lease])),
    asOf: Date.UTC(2024, 0, 1),
  }
}

const text = (
  network: KnownNetwork,
  nodeAddresses: PublicAddresses = {},
  externalInterface?: ChosenInterface,
): string => [...encodeLeaseCache({ store: STORE, network, nodeAddresses, externalInterface })].join('')

describe('what is written is read again:', () => {
  const cases: [string, KnownNetwork][] = [
    ['an IPv4 network', network({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan', Port: 4789 } }, own)],
    [
      'a dual-stack network',
      network(
        {
          Network: '10.244.0.0/16',
          EnableIPv6: true,
          IPv6Network: 'fd00:10:244::/48',
          EnableNFTables: true,
          SubnetLen: 20,
          SubnetMin: '10.244.64.0',
          SubnetMax: '10.244.128.0',
        },
        {
          ...own,
          ipv6Subnet: 'fd00:10:244:5::/64',
          attributes: { ...own.attributes, publicIpv6: 'fd77::3' },
        },
      ),
    ],
    [
      'an IPv6-only network',
      network(
        { EnableIPv4: false, EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' },
        { ipv6Subnet: 'fd00:10:244:5::/64', attributes: { publicIpv6: 'fd77::3' } },
      ),
    ],
    ['a reservation', network({ Network: '10.244.0.0/16' }, { subnet: '10.244.5.0/24', attributes: {} })],
    [
      'leases whose age is known',
      network(
        { Network: '10.244.0.0/16' },
        own,
        { subnet: '10.244.6.0/24', attributes: { publicIp: '192.168.64.4' }, created: 4_711 },
        { subnet: '10.244.7.0/24', attributes: { publicIp: '192.168.64.5' }, created: 2 ** 53 - 1 },
      ),
    ],
    ['a network without a lease', network({ Network: '10.244.0.0/16' })],
    [
      'the addresses of the store',
      {
        ...network({ Network: '10.244.0.0/16' }, own),
        storeAddresses: ['10.96.0.1', '172.30.0.254', 'fd30::1'],
      },
    ],
  ]
  test.each(cases)('%s', (_, known) => {
    const { network, store } = decodeLeaseCache(text(known))
    expect(store).toBe(STORE)
    expect(network.config).toEqual(known.config)
    expect(network.own).toEqual(known.own)
    expect(network.asOf).toBe(known.asOf)
    expect(network.storeAddresses).toEqual(known.storeAddresses)
    // When a peer's lease ends is its owner's affair, and is not kept.
    expect([...network.leases.values()]).toEqual(
      [...known.leases.values()].map(({ expiresAt, ...lease }) => lease),
    )
  })

  test.each<PublicAddresses>([
    {},
    { publicIp: '203.0.113.8' },
    { publicIp: '203.0.113.8', publicIpv6: 'fd77::8' },
  ])('the addresses that the store assigns to the node: %j', (nodeAddresses) => {
    const known = network({ Network: '10.244.0.0/16' })
    expect(decodeLeaseCache(text(known, nodeAddresses)).nodeAddresses).toEqual(nodeAddresses)
  })

  test.each<ChosenInterface>([
    { name: 'eth0', macAddress: '02:00:00:00:00:01', ipv4: '192.0.2.1', ipv6: 'fd00::1', reason: 'why' },
    { name: 'ppp0', ipv4: '192.0.2.1' },
  ])('the external interface, and which write of the own lease was the last: %j', (externalInterface) => {
    const held = { ...own, created: 7, version: 9 }
    const written = text(network({ Network: '10.244.0.0/16' }, held), {}, externalInterface)
    expect(decodeLeaseCache(written)).toMatchObject({ externalInterface, network: { own: held } })
    expect(decodeCachedNode(written)).toEqual({ store: STORE, lease: held, externalInterface })
    const [first, second] = written.split('\n')
    expect(decodeCachedNode(`${first}\n${second}\n`)).toEqual({
      store: STORE,
      lease: held,
      externalInterface,
    })
    expect(() => decodeCachedNode(`${first}\n${second}`)).toThrow('it is incomplete')
    expect(() => decodeCachedNode(written.slice(1))).toThrow(/does not begin with/)
  })

  test('twelve hundred leases, in chunks', () => {
    const leases = Array.from({ length: 1200 }, (_, i) => ({
      subnet: `10.${i >> 8}.${i & 255}.0/24`,
      attributes: { publicIp: `172.16.${i >> 8}.${i & 255}`, backendType: 'host-gw' },
    }))
    const known = network({ Network: '10.0.0.0/8' }, ...leases)
    const content = { store: STORE, network: known, nodeAddresses: {}, externalInterface: undefined }
    expect([...encodeLeaseCache(content)]).toHaveLength(3)
    expect(decodeLeaseCache(text(known)).network.leases).toEqual(known.leases)
  })
})

test('it is text that can be read', () => {
  expect(
    text(network({ Network: '10.244.0.0/16' }, own))
      .split('\n')
      .slice(0, 3),
  ).toEqual([
    'selvedge leases 1',
    expect.stringContaining(
      '"store":"etcd http://127.0.0.1:2379/coreos.com/network","asOf":"2024-01-01T00:00:00.000Z"',
    ),
    '10.244.5.0-24 {"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}',
  ])
})

describe('not to be trusted:', () => {
  const whole = text(network({ Network: '10.244.0.0/16' }, own))
  const lines = whole.split('\n')
  test.each([
    ['an empty file', ''],
    ['zeros, as a crash leaves them', '\0'.repeat(whole.length)],
    ['another kind of file', '{"leases":[]}\n'],
    ['a later version', whole.replace('leases 1', 'leases 2')],
    ['one cut short within a line', whole.slice(0, -20)],
    ['one cut short between lines', `${lines.slice(0, 3).join('\n')}\n`],
    ['one that lost a line', [...lines.slice(0, 2), ...lines.slice(3)].join('\n')],
    ['one with a changed digit', whole.replace('192.168.64.3', '192.168.64.4')],
    ['one with something after its end', `${whole}x`],
  ])('%s', (_, garbage) => {
    expect(() => decodeLeaseCache(garbage)).toThrow()
  })
})
