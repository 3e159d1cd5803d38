import {
  type ExternalInterface,
  type Lease,
  type LeaseContext,
  type NodeContext,
  parseNetworkConfig,
  type Resource,
} from '@selvedge/core'
import { address, encodeLeaseAttributes, fdb, link, neighbour, route } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { type VxlanOptions, vxlan } from './index.js'

const eth0: ExternalInterface = {
  name: 'eth0',
  mtu: 1500,
  ipv4: '192.168.64.2',
  ipv6: '2001:db8::2',
  onLink: ['192.168.64.0/24', '2001:db8::/64', 'fe80::/64'],
}
const families = {
  IPv4: { Network: '10.5.0.0/16' },
  IPv6: { EnableIPv4: false, EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' },
  'dual-stack': { EnableIPv6: true, Network: '10.5.0.0/16', IPv6Network: '2001:cafe:42::/48' },
} as const
type Families = keyof typeof families

const MAC = 'c6:d2:32:6f:8f:44'
const MAC_V6 = '9a:b0:c1:d2:e3:f4'
const PEER_MAC = '0e:2a:c0:a8:40:03'
const PEER_MAC_V6 = '0e:2a:c0:a8:40:06'

function node(network: Families, settings: object = {}, changes: Partial<NodeContext> = {}): NodeContext {
  const config = parseNetworkConfig({ ...families[network], Backend: { Type: 'vxlan', ...settings } })
  return {
    config,
    externalInterface: eth0,
    publicIp: config.ipv4 === undefined ? undefined : '192.168.64.2',
    publicIpv6: config.ipv6 === undefined ? undefined : '2001:db8::2',
    ...changes,
  }
}

const vni = (settings: object): number => Number(Reflect.get(settings, 'VNI') ?? 1)

function withLease(
  network: Families,
  settings: object = {},
  changes: Partial<NodeContext> = {},
): LeaseContext {
  const { config, publicIp, publicIpv6, ...rest } = node(network, settings, changes)
  const lease: Lease = {
    subnet: config.ipv4 && '10.5.52.0/24',
    ipv6Subnet: config.ipv6 && '2001:cafe:42:1::/64',
    attributes: {
      publicIp,
      publicIpv6,
      backendType: 'vxlan',
      backendData: config.ipv4 && { VNI: vni(settings), VtepMAC: MAC },
      backendV6Data: config.ipv6 && { VNI: vni(settings), VtepMAC: MAC_V6 },
    },
  }
  return { config, publicIp, publicIpv6, ...rest, lease }
}

/** A peer on the same network as eth0. */
const peer: Lease = {
  subnet: '10.5.7.0/24',
  ipv6Subnet: '2001:cafe:42:7::/64',
  attributes: {
    publicIp: '192.168.64.3',
    publicIpv6: '2001:db8::3',
    backendType: 'vxlan',
    backendData: { VNI: 1, VtepMAC: PEER_MAC },
    backendV6Data: { VNI: 1, VtepMAC: PEER_MAC_V6 },
  },
}
const ipv4Peer: Lease = {
  subnet: peer.subnet,
  attributes: { ...peer.attributes, publicIpv6: undefined, backendV6Data: undefined },
}
const ipv6Peer: Lease = {
  ipv6Subnet: peer.ipv6Subnet,
  attributes: { ...peer.attributes, publicIp: undefined, backendData: undefined },
}
/** One behind a router in IPv4, and on the same network in IPv6. */
const farPeer: Lease = { ...peer, attributes: { ...peer.attributes, publicIp: '172.16.9.3' } }

const wrapped4 = [
  neighbour({ link: 'flannel.1', address: '10.5.7.0', macAddress: PEER_MAC }),
  fdb({ link: 'flannel.1', macAddress: PEER_MAC, destination: '192.168.64.3' }),
  route({ destination: '10.5.7.0/24', gateway: '10.5.7.0', device: 'flannel.1', onLink: true }),
]
const wrapped6 = [
  neighbour({ link: 'flannel-v6.1', address: '2001:cafe:42:7::', macAddress: PEER_MAC_V6 }),
  fdb({ link: 'flannel-v6.1', macAddress: PEER_MAC_V6, destination: '2001:db8::3' }),
  route({
    destination: '2001:cafe:42:7::/64',
    gateway: '2001:cafe:42:7::',
    device: 'flannel-v6.1',
    onLink: true,
  }),
]
const direct4 = route({ destination: '10.5.7.0/24', gateway: '192.168.64.3', device: 'eth0' })
const direct6 = route({ destination: '2001:cafe:42:7::/64', gateway: '2001:db8::3', device: 'eth0' })

describe("a peer's resources", () => {
  const rows: readonly [
    what: string,
    network: Families,
    settings: object,
    lease: Lease,
    resources: Resource[],
  ][] = [
    ['an IPv4 peer', 'IPv4', {}, ipv4Peer, wrapped4],
    ['an IPv6 peer', 'IPv6', {}, ipv6Peer, wrapped6],
    ['a dual-stack peer', 'dual-stack', {}, peer, [...wrapped4, ...wrapped6]],
    ['a dual-stack peer with only IPv4 on', 'IPv4', {}, peer, wrapped4],
    ['a dual-stack peer with only IPv6 on', 'IPv6', {}, peer, wrapped6],
    ['an IPv4 peer with both on', 'dual-stack', {}, ipv4Peer, wrapped4],
    ['an IPv6 peer with both on', 'dual-stack', {}, ipv6Peer, wrapped6],
    ['an IPv6 peer with only IPv4 on', 'IPv4', {}, ipv6Peer, []],
    ['a peer on the same network, DirectRouting', 'IPv4', { DirectRouting: true }, ipv4Peer, [direct4]],
    ['the same, IPv6', 'IPv6', { DirectRouting: true }, ipv6Peer, [direct6]],
    ['the same, dual-stack', 'dual-stack', { DirectRouting: true }, peer, [direct4, direct6]],
    [
      'a peer behind a router in one family, DirectRouting',
      'dual-stack',
      { DirectRouting: true },
      farPeer,
      [
        wrapped4[0],
        fdb({ link: 'flannel.1', macAddress: PEER_MAC, destination: '172.16.9.3' }),
        wrapped4[2],
        direct6,
      ].filter((resource) => resource !== undefined),
    ],
    [
      'a host-gw peer',
      'IPv4',
      {},
      { ...peer, attributes: { ...peer.attributes, backendType: 'host-gw' } },
      [],
    ],
    [
      'a peer without a type (udp, alloc)',
      'IPv4',
      {},
      { ...peer, attributes: { publicIp: '192.168.64.3' } },
      [],
    ],
  ]
  it.each(rows)('%s', (_what, network, settings, lease, resources) => {
    expect(vxlan().peer(lease, withLease(network, settings))).toEqual(resources)
  })

  it('names the device after the VNI', () => {
    const lease = {
      ...ipv4Peer,
      attributes: { ...ipv4Peer.attributes, backendData: { VNI: 7, VtepMAC: PEER_MAC } },
    }
    const resources = vxlan().peer(lease, withLease('IPv4', { VNI: 7 }))
    expect(resources.map(({ key }) => key)).toEqual([
      'neighbour flannel.7 10.5.7.0',
      `fdb flannel.7 ${PEER_MAC}`,
      'route 254 10.5.7.0/24 0 0',
    ])
  })

  const readable: readonly [what: string, data: object, vni: number][] = [
    ['keys in any case, as Go reads them', { vni: 1, VTEPmac: PEER_MAC }, 1],
    ['a MAC in upper case', { VNI: 1, VtepMAC: PEER_MAC.toUpperCase() }, 1],
    ['a MAC with dashes', { VNI: 1, VtepMAC: PEER_MAC.replaceAll(':', '-') }, 1],
    ['a MAC with dots', { VNI: 1, VtepMAC: '0e2a.c0a8.4003' }, 1],
    ['the MAC alone, as flannel once published it', { VtepMAC: PEER_MAC }, 1],
    [
      'the lowest 16 bits of the VNI, as flannel did until 2023',
      { VNI: 70000 & 0xffff, VtepMAC: PEER_MAC },
      70000,
    ],
    ['unknown fields', { VNI: 1, VtepMAC: PEER_MAC, More: [] }, 1],
  ]
  it.each(readable)('reads %s', (_what, backendData, number) => {
    const lease: Lease = {
      ...ipv4Peer,
      attributes: { ...ipv4Peer.attributes, backendData: { ...backendData } },
    }
    const [entry] = vxlan().peer(lease, withLease('IPv4', { VNI: number }))
    expect(entry).toMatchObject({ macAddress: PEER_MAC, link: `flannel.${number}` })
  })

  const unreadable: readonly [what: string, attributes: object, says: string][] = [
    ['no data', { backendData: undefined }, 'BackendData must be an object such as {"VNI":1,"VtepMAC":'],
    ['data that is text', { backendData: 'x' }, 'BackendData is "x", but must be an object'],
    ['no MAC', { backendData: { VNI: 1 } }, 'VtepMAC must be the MAC of one device'],
    [
      'a short MAC',
      { backendData: { VNI: 1, VtepMAC: 'c6:d2:32:6f:8f' } },
      'VtepMAC is "c6:d2:32:6f:8f", but must be',
    ],
    [
      'a zero MAC with dots',
      { backendData: { VNI: 1, VtepMAC: '0000.0000.0000' } },
      'VtepMAC is "0000.0000.0000"',
    ],
    [
      'a zero MAC',
      { backendData: { VNI: 1, VtepMAC: '00:00:00:00:00:00' } },
      'VtepMAC is "00:00:00:00:00:00"',
    ],
    [
      'a multicast MAC',
      { backendData: { VNI: 1, VtepMAC: '01:00:5e:00:00:01' } },
      'VtepMAC is "01:00:5e:00:00:01"',
    ],
    [
      'a broadcast MAC',
      { backendData: { VNI: 1, VtepMAC: 'ff:ff:ff:ff:ff:ff' } },
      'VtepMAC is "ff:ff:ff:ff:ff:ff"',
    ],
    ['another VNI', { backendData: { VNI: 2, VtepMAC: PEER_MAC } }, "VNI is 2, but this network's is 1"],
    [
      'a VNI that is none',
      { backendData: { VNI: '1', VtepMAC: PEER_MAC } },
      'VNI is "1", but must be a whole number',
    ],
    ['no address', { publicIp: undefined }, 'has no PublicIP'],
  ]
  it.each(unreadable)('refuses a peer with %s', (_what, attributes, says) => {
    const lease = { ...ipv4Peer, attributes: { ...ipv4Peer.attributes, ...attributes } }
    const answer = () => vxlan().peer(lease, withLease('IPv4'))
    expect(answer).toThrow(expect.objectContaining({ code: 'INVALID_LEASE' }))
    expect(answer).toThrow(says)
    expect(answer).toThrow('the lease of 10.5.7.0/24')
  })

  it('refuses a dual-stack peer whose IPv6 part is unreadable, naming that part', () => {
    const lease: Lease = { ...peer, attributes: { ...peer.attributes, backendV6Data: { VNI: 1 } } }
    expect(() => vxlan().peer(lease, withLease('dual-stack'))).toThrow(
      /2001:cafe:42:7::\/64 .*BackendV6Data, VtepMAC/,
    )
  })
})

describe('what the node itself needs', () => {
  const device4 = link({
    name: 'flannel.1',
    type: 'vxlan',
    mtu: 1450,
    macAddress: MAC,
    settings: { vni: 1, port: 8472, local: '192.168.64.2', parent: 'eth0', learning: false, gbp: false },
    up: true,
    acceptRouterAdvertisements: false,
  })
  const device6 = link({
    name: 'flannel-v6.1',
    type: 'vxlan',
    mtu: 1430,
    macAddress: MAC_V6,
    settings: { vni: 1, port: 8472, local: '2001:db8::2', parent: 'eth0', learning: false, gbp: false },
    up: true,
    acceptRouterAdvertisements: false,
  })
  const address4 = address({ link: 'flannel.1', address: '10.5.52.0', prefixLength: 32 })
  const address6 = address({ link: 'flannel-v6.1', address: '2001:cafe:42:1::', prefixLength: 128 })

  it.each<[Families, Resource[]]>([
    ['IPv4', [device4, address4]],
    ['IPv6', [device6, address6]],
    ['dual-stack', [device4, address4, device6, address6]],
  ])('%s', (network, resources) => {
    expect(vxlan().local(withLease(network))).toEqual(resources)
  })

  it('takes every setting from the network config', () => {
    const settings = { VNI: 42, Port: 4789, MTU: 1400, GBP: true, Learning: true }
    expect(vxlan().local(withLease('IPv4', settings))[0]).toMatchObject({
      name: 'flannel.42',
      mtu: 1350,
      settings: { vni: 42, port: 4789, gbp: true, learning: true },
    })
  })

  it('keeps the address of its interface as the source if peers reach it at another (NAT)', () => {
    const context = withLease('IPv4', {}, { publicIp: '203.0.113.7' })
    expect(context.lease.attributes.publicIp).toBe('203.0.113.7')
    expect(vxlan().local(context)[0]).toMatchObject({ settings: { local: '192.168.64.2' } })
  })

  it.each<[string, Partial<ExternalInterface>, string]>([
    ['IPv4', { ipv4: undefined }, 'eth0 has no IPv4 address'],
    ['IPv6', { ipv6: undefined }, 'eth0 has no IPv6 address'],
  ])('refuses an interface without an %s address', (_family, changes, says) => {
    const context = withLease('dual-stack', {}, { externalInterface: { ...eth0, ...changes } })
    expect(() => vxlan().local(context)).toThrow(expect.objectContaining({ code: 'INTERFACE_UNSUITABLE' }))
    expect(() => vxlan().local(context)).toThrow(says)
  })

  it('refuses an own lease that lacks a family', () => {
    const { lease, ...rest } = withLease('dual-stack')
    const context = { ...rest, lease: { ...lease, ipv6Subnet: undefined } }
    expect(() => vxlan().local(context)).toThrow("this node's own lease has no IPv6 subnet")
  })
})

describe('what the node publishes', () => {
  it('is what flannel would, byte for byte', () => {
    const published = {
      publicIp: '192.168.64.2',
      backendType: 'vxlan',
      backendData: { VNI: 1, VtepMAC: MAC },
    }
    const previous: Lease = { subnet: '10.5.52.0/24', attributes: published }
    expect(encodeLeaseAttributes(vxlan().attributes(node('IPv4', {}, { previous })))).toBe(
      `{"PublicIP":"192.168.64.2","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${MAC}"}}`,
    )
  })

  it('keeps the families apart', () => {
    const previous = withLease('dual-stack').lease
    expect(vxlan().attributes(node('dual-stack', {}, { previous }))).toEqual(previous.attributes)
    expect(vxlan().attributes(node('IPv6', {}, { previous }))).toEqual({
      publicIpv6: '2001:db8::2',
      backendType: 'vxlan',
      backendV6Data: { VNI: 1, VtepMAC: MAC_V6 },
    })
  })

  it('refuses a node without a public address of a family that is on', () => {
    const context = node('dual-stack', {}, { publicIpv6: undefined })
    expect(() => vxlan().attributes(context)).toThrow(
      expect.objectContaining({ code: 'INTERFACE_UNSUITABLE' }),
    )
  })
})

describe('options', () => {
  const rows: readonly [VxlanOptions, settings: object, name: string, vxlan: object][] = [
    [{}, {}, 'flannel.1', { vni: 1, port: 8472, gbp: false, learning: false }],
    [{ vni: 3 }, { VNI: 2 }, 'flannel.3', { vni: 3, port: 8472 }],
    [{ vni: undefined }, { vni: 2 }, 'flannel.2', { vni: 2, port: 8472 }],
    [
      { port: 4789, gbp: true },
      { GBP: false, learning: true },
      'flannel.1',
      { port: 4789, gbp: true, learning: true },
    ],
    [{ gbp: false }, { GBP: true }, 'flannel.1', { gbp: false }],
    [{ port: 0 }, { Port: 4789 }, 'flannel.1', { port: 8472 }],
    [{ vni: 0 }, {}, 'flannel.0', { vni: 0 }],
  ]
  it.each(rows)('%o over %o', (options, settings, name, expected) => {
    const context = withLease('IPv4', { ...settings, VNI: options.vni ?? Reflect.get(settings, 'vni') ?? 1 })
    const own = { ...context, config: node('IPv4', settings).config }
    expect(vxlan(options).local(own)[0]).toMatchObject({ name, settings: expected })
  })

  it('turns DirectRouting on and off over the config', () => {
    expect(vxlan({ directRouting: true }).peer(ipv4Peer, withLease('IPv4'))).toEqual([direct4])
    expect(
      vxlan({ directRouting: false }).peer(ipv4Peer, withLease('IPv4', { DirectRouting: true })),
    ).toEqual(wrapped4)
  })

  it.each<[VxlanOptions, string]>([
    [{ vni: -1 }, 'in the options of vxlan(), vni is -1, but must be a whole number from 0 to 9999999'],
    [
      { vni: 10_000_000 },
      "vni is 10000000, but must be a whole number from 0 to 9999999: the device's name, flannel.VNI, has",
    ],
    [{ port: 65536 }, 'port is 65536, but must be a whole number from 0 to 65535'],
    [{ mtu: 1.5 }, 'mtu is 1.5, but must be a whole number from 0 to 65535'],
    [
      { mtu: 10 },
      'in the options of vxlan(), mtu is 10, but must be 118 or more: IPv4 packets need 68 bytes, and VXLAN adds 50',
    ],
  ])('refuses %o', (options, says) => {
    expect(() => vxlan(options)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    expect(() => vxlan(options)).toThrow(says)
  })

  it('refuses an option that does not exist', () => {
    const mistyped: object = { vnid: 1 }
    expect(() => vxlan(mistyped)).toThrow(TypeError)
    expect(() => vxlan(mistyped)).toThrow('vxlan() has no option vnid')
  })
})

describe('settings', () => {
  it.each<[Families, object, string]>([
    ['IPv4', { VNI: -1 }, 'in the vxlan settings, VNI is -1, but must be a whole number from 0 to 9999999'],
    ['IPv4', { VNI: '1' }, 'VNI is "1", but must be a whole number'],
    [
      'IPv4',
      { VNI: 10_000_000 },
      "VNI is 10000000, but must be a whole number from 0 to 9999999: the device's name, flannel.VNI, has at most 15 bytes",
    ],
    [
      'dual-stack',
      { VNI: 10_000 },
      "VNI is 10000, but must be smaller: the device's name, flannel-v6.10000, would",
    ],
    ['IPv4', { Port: 65536 }, 'Port is 65536, but must be a whole number from 0 to 65535'],
    ['IPv4', { gbp: 1 }, 'gbp is 1, but must be true or false'],
    ['IPv4', { Learning: 'no' }, 'Learning is "no", but must be true or false'],
    ['IPv4', { DirectRouting: 0 }, 'DirectRouting is 0, but must be true or false'],
    ['IPv4', { MTU: 1501 }, 'MTU is 1501, but must not be more than 1500, the MTU of eth0'],
    [
      'IPv4',
      { MTU: 117 },
      'MTU is 117, but must be 118 or more: IPv4 packets need 68 bytes, and VXLAN adds 50',
    ],
    ['dual-stack', { MTU: 1349 }, 'MTU is 1349, but must be 1350 or more: IPv6 packets need 1280 bytes'],
  ])('of %s refuses %o', (network, settings, says) => {
    const answer = () => vxlan().mtu(node(network, settings))
    expect(answer).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    expect(answer).toThrow(says)
  })

  it.each<[Families, number]>([
    ['IPv4', 9_999_999],
    ['IPv6', 9_999],
    ['dual-stack', 9_999],
  ])('of %s takes the VNI %i, the largest whose device has a name', (network, VNI) => {
    const names = vxlan()
      .local(withLease(network, { VNI }))
      .filter(({ kind }) => kind === 'link')
      .map((resource) => String(Reflect.get(resource, 'name')))
    expect(Math.max(...names.map(({ length }) => length))).toBe(15)
  })

  it('warn of unknown keys', () => {
    const { warnings } = vxlan()
    expect(warnings?.(node('IPv4', { VNI: 1, port: 8472, DirectRoutes: true, MacPrefix: '0E-2A' }))).toEqual([
      'in the vxlan settings, the key DirectRoutes means nothing; known keys: VNI, Port, MTU, GBP, Learning, DirectRouting',
      'in the vxlan settings, the key MacPrefix means nothing; known keys: VNI, Port, MTU, GBP, Learning, DirectRouting',
    ])
  })
})

describe('the MTU for pods', () => {
  it.each<[Families, parent: number, settings: object, pods: number]>([
    ['IPv4', 1500, {}, 1450],
    ['IPv6', 1500, {}, 1430],
    ['dual-stack', 1500, {}, 1430],
    ['IPv4', 9000, {}, 8950],
    ['IPv4', 1500, { MTU: 1414 }, 1364],
    ['dual-stack', 1500, { MTU: 1414 }, 1344],
    ['IPv4', 1500, { MTU: 1500 }, 1450],
    ['IPv4', 1500, { MTU: 0 }, 1450],
    ['IPv4', 118, {}, 68],
    ['IPv6', 1350, {}, 1280],
  ])('%s over %i bytes with %o: %i', (network, mtu, settings, pods) => {
    expect(vxlan().mtu(node(network, settings, { externalInterface: { ...eth0, mtu } }))).toBe(pods)
  })

  it.each<[Families, parent: number, least: number]>([
    ['IPv4', 117, 118],
    ['IPv6', 1349, 1350],
    ['dual-stack', 1349, 1350],
  ])('%s is refused over %i bytes', (network, mtu, least) => {
    const answer = () => vxlan().mtu(node(network, {}, { externalInterface: { ...eth0, mtu } }))
    expect(answer).toThrow(expect.objectContaining({ code: 'INTERFACE_UNSUITABLE' }))
    expect(answer).toThrow(`the MTU of eth0 is ${mtu}, but must be ${least} or more`)
  })
})
