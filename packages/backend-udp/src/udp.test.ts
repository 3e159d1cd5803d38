import { isOverlayError, type LeaseContext, type NodeContext, parseNetworkConfig } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { udp } from './index.js'

const node = (config: object, mtu = 1500): NodeContext => ({
  config: parseNetworkConfig(config),
  externalInterface: { name: 'eth0', mtu, ipv4: '192.168.64.2', ipv6: '2001:db8::2', onLink: [] },
  publicIp: '192.168.64.2',
  publicIpv6: '2001:db8::2',
})
const ipv4 = { Network: '10.5.0.0/16' }
const ipv6 = { EnableIPv6: true, IPv6Network: '2001:cafe:42::/48' }

describe('the lease', () => {
  it('is what flannel publishes, byte for byte: an address and no type', () => {
    expect(encodeLeaseAttributes(udp().attributes(node(ipv4)))).toBe(
      '{"PublicIP":"192.168.64.2","PublicIPv6":null}',
    )
  })
})

describe('the MTU', () => {
  it.each([
    ['IPv4', ipv4, 1500, 1472],
    ['IPv6', { ...ipv6, EnableIPv4: false }, 1500, 1452],
    ['dual-stack, by the larger header', { ...ipv4, ...ipv6 }, 1500, 1452],
    ['jumbo frames', ipv4, 9000, 8972],
    ['the smallest for IPv6', { ...ipv6, EnableIPv4: false }, 1328, 1280],
  ])('leaves room for the outer headers: %s', (_, config, mtu, expected) => {
    expect(udp().mtu(node(config, mtu))).toBe(expected)
  })

  it.each([
    [ipv4, 95, /must be 96 or more: IPv4 packets need 68 bytes, and UDP adds 28/],
    [{ ...ipv4, ...ipv6 }, 1327, /must be 1328 or more: IPv6 packets need 1280 bytes, and UDP adds 48/],
  ])('is refused if too small: %j on %d', (config, mtu, message) => {
    expect(() => udp().mtu(node(config, mtu))).toThrow(message)
  })
})

describe('the port', () => {
  const portWith = (options: object, section: object) => {
    const attributes = { publicIp: '192.168.64.3' }
    const context: LeaseContext = {
      ...node({ ...ipv4, Backend: { Type: 'udp', ...section } }),
      lease: { subnet: '10.5.1.0/24', attributes: { publicIp: '192.168.64.2' } },
    }
    return udp(options).peer({ subnet: '10.5.2.0/24', attributes }, context)
  }

  it.each([
    [{}, {}, 8285],
    [{}, { Port: 0 }, 8285],
    [{}, { port: 9000 }, 9000],
    [{ port: 9001 }, { Port: 9000 }, 9001],
  ])('with options %j and config %j is %d', (options, section, port) => {
    expect(portWith(options, section)).toMatchObject([{ kind: 'udp-peer', address: '192.168.64.3', port }])
  })

  it.each([-1, 65536, 1.5, '8285'])('is refused if it is %j', (Port) => {
    let thrown: unknown
    try {
      portWith({}, { Port })
    } catch (error) {
      thrown = error
    }
    expect(isOverlayError(thrown, 'INVALID_CONFIG')).toBe(true)
  })

  it('is all that the config can set: anything else is a warning', () => {
    expect(udp().warnings?.(node({ ...ipv4, Backend: { Type: 'udp', VNI: 1 } }))).toMatchObject([
      expect.stringContaining('VNI'),
    ])
    expect(() => udp({ prot: 1 } as object)).toThrow(TypeError)
  })
})
