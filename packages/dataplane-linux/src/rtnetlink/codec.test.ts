import { describe, expect, it } from 'vitest'
import { MessageReader, MessageWriter } from '../netlink/index.js'
import { readAddressMessage, writeAddressMessage, writeGetAddresses } from './address.js'
import { AF_BRIDGE, AF_INET, RTM_DELROUTE, RTM_NEWADDR, RTM_NEWNEIGH, RTM_NEWROUTE } from './constants.js'
import { readLink, writeDeleteLink, writeGetLink, writeNewLink } from './link.js'
import { readNeighbour, writeGetNeighbours, writeNeighbour } from './neighbour.js'
import { readNexthop, writeDeleteNexthop, writeNewNexthop } from './nexthop.js'
import { readRoute, writeGetRoutes, writeLookUpRoute, writeRoute } from './route.js'
import { readRule } from './rule.js'

/** The bytes that `write` writes, in hexadecimal. */
function written(write: (writer: MessageWriter) => void): string {
  const writer = new MessageWriter(16)
  write(writer)
  return writer.bytes().toString('hex')
}

/** Hexadecimal with spaces and line comments, as the tables below are laid out. */
const hex = (text: string): string => text.replaceAll(/#.*$/gm, '').replaceAll(/\s+/g, '')

function readerOf(bytes: Buffer | string): MessageReader {
  const reader = new MessageReader(typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes)
  expect(reader.next()).toBe(true)
  return reader
}

describe('links', () => {
  it('reads back what it wrote, and copies the settings', () => {
    const bytes = written((writer) =>
      writeNewLink(writer, 0x605, 7, {
        name: 'tunnel',
        up: true,
        mtu: 1450,
        address: 'c6:d2:32:6f:8f:44',
        alias: 'x',
        kind: 'gre',
        writeData: (data) => data.attributeU8(4, 64),
      }),
    )
    expect(bytes).toContain(hex('0600 1400 7800 0000'))
    expect(bytes).toContain(hex('1800 1280 0800 0100 67726500 0c00 0280 0500 0400 40000000'))
    expect(readLink(readerOf(bytes))).toEqual({
      index: 0,
      name: 'tunnel',
      flags: 1,
      mtu: 1450,
      address: 'c6:d2:32:6f:8f:44',
      alias: 'x',
      kind: 'gre',
      parent: undefined,
      parentElsewhere: false,
      master: undefined,
      data: Buffer.from('0500040040000000', 'hex'),
    })
  })

  it('leaves up and down alone unless asked', () => {
    expect(written((writer) => writeNewLink(writer, 5, 1, { index: 3, mtu: 1400 }))).toBe(
      hex(`28000000 1000 0500 01000000 00000000  00000000 03000000 00000000 00000000  0800 0400 78050000`),
    )
  })

  it('deletes by index', () => {
    expect(written((writer) => writeDeleteLink(writer, 5, 1, 3))).toBe(
      hex('20000000 1100 0500 01000000 00000000  00000000 03000000 00000000 00000000'),
    )
  })

  it('asks for links without their counters, all or one', () => {
    expect(written((writer) => writeGetLink(writer, 0x301, 1))).toBe(
      hex('28000000 1200 0103 01000000 00000000  00000000 00000000 00000000 00000000  0800 1d00 08000000'),
    )
    expect(written((writer) => writeGetLink(writer, 5, 1, { name: 'eth0' }))).toContain(
      hex('0900 0300 6574683000 000000'),
    )
  })
})

describe('addresses', () => {
  it('writes IPv4 byte for byte and reads it back', () => {
    const bytes = written((writer) =>
      writeAddressMessage(writer, RTM_NEWADDR, 0x505, 2, { index: 5, local: '10.5.52.0', prefixLength: 32 }),
    )
    expect(bytes).toBe(
      hex(
        '28000000 1400 0505 02000000 00000000  02 20 00 00 05000000  0800 0200 0a053400  0800 0100 0a053400',
      ),
    )
    expect(readAddressMessage(readerOf(bytes))).toEqual({
      family: AF_INET,
      index: 5,
      local: '10.5.52.0',
      prefixLength: 32,
      scope: 0,
      flags: 0,
    })
  })

  it('takes the wide flags of IPv6 over the narrow ones', () => {
    const bytes = written((writer) =>
      writeAddressMessage(writer, RTM_NEWADDR, 5, 2, {
        index: 5,
        local: 'fd00::1',
        prefixLength: 64,
        flags: 0x202,
      }),
    )
    expect(readAddressMessage(readerOf(bytes))).toMatchObject({ local: 'fd00::1', flags: 0x202 })
  })

  it('asks for those of one link', () => {
    expect(written((writer) => writeGetAddresses(writer, 0x301, 1, { family: 10, index: 3 }))).toBe(
      hex('18000000 1600 0103 01000000 00000000  0a000000 03000000'),
    )
  })
})

describe('routes', () => {
  const inline = {
    destination: '10.5.52.0/24',
    table: 254,
    protocol: 157,
    gateway: '10.5.52.0',
    oif: 5,
    onLink: true,
  }

  it('writes an inline IPv4 route byte for byte and reads it back', () => {
    const bytes = written((writer) => writeRoute(writer, RTM_NEWROUTE, 0x501, 3, inline))
    expect(bytes).toBe(
      hex(`34000000 1800 0105 03000000 00000000
           02 18 00 00 fe 9d 00 01 04000000
           0800 0100 0a053400  0800 0500 0a053400  0800 0400 05000000`),
    )
    expect(readRoute(readerOf(bytes))).toEqual({
      family: AF_INET,
      destination: '10.5.52.0/24',
      tos: 0,
      table: 254,
      protocol: 157,
      scope: 0,
      type: 1,
      flags: 4,
      priority: 0,
      source: undefined,
      nexthopId: 0,
      oif: 5,
      gateway: '10.5.52.0',
      paths: [],
    })
  })

  it('writes one through a nexthop object, with metric and TOS', () => {
    const route = {
      destination: '10.5.52.0/24',
      table: 254,
      protocol: 157,
      tos: 8,
      priority: 50,
      nexthopId: 99,
    }
    const bytes = written((writer) => writeRoute(writer, RTM_NEWROUTE, 0x501, 3, route))
    expect(bytes).toBe(
      hex(`34000000 1800 0105 03000000 00000000  02 18 00 08 fe 9d 00 01 00000000
           0800 0100 0a053400  0800 0600 32000000  0800 1e00 63000000`),
    )
    expect(readRoute(readerOf(bytes))).toMatchObject({ tos: 8, priority: 50, nexthopId: 99 })
  })

  it('writes IPv6, a large table, a blackhole, and a default route', () => {
    const v6 = { ...inline, destination: 'fd00:5::/64', gateway: 'fd00:5::', table: 1000 }
    expect(
      readRoute(readerOf(written((writer) => writeRoute(writer, RTM_NEWROUTE, 5, 1, v6)))),
    ).toMatchObject({
      family: 10,
      destination: 'fd00:5::/64',
      gateway: 'fd00:5::',
      table: 1000,
    })
    const blackhole = { destination: '10.0.0.0/8', table: 254, protocol: 157, type: 6 }
    expect(written((writer) => writeRoute(writer, RTM_DELROUTE, 5, 1, blackhole))).toBe(
      hex('24000000 1900 0500 01000000 00000000  02 08 00 00 fe 9d 00 06 00000000  0800 0100 0a000000'),
    )
    const everything = { destination: '0.0.0.0/0', table: 254, protocol: 4, oif: 2 }
    expect(
      readRoute(readerOf(written((writer) => writeRoute(writer, RTM_NEWROUTE, 5, 1, everything)))),
    ).toMatchObject({ destination: '0.0.0.0/0', oif: 2 })
  })

  it('writes an IPv6 gateway of an IPv4 route as RTA_VIA', () => {
    const bytes = written((writer) =>
      writeRoute(writer, RTM_NEWROUTE, 5, 1, { ...inline, gateway: 'fe80::1' }),
    )
    expect(bytes).toContain(hex('1600 1200 0a00 fe80000000000000000000000000000100 00').slice(0, -2))
    expect(readRoute(readerOf(bytes))).toMatchObject({ gateway: 'fe80::1' })
  })

  it('reads every path of a multipath route', () => {
    const bytes = hex(`
      50000000 1800 0000 00000000 00000000  02 18 00 00 fe 04 00 01 00000000
      0800 0100 0a000000
      2c00 0900                                      # RTA_MULTIPATH
      1000 04 00 02000000 0800 0500 c0a80001         #   onlink, link 2, via 192.168.0.1
      1000 00 00 03000000 0800 0500 c0a80101         #   link 3, via 192.168.1.1
      0800 00 00 04000000                            #   link 4
    `)
    expect(readRoute(readerOf(bytes))?.paths).toEqual([
      { oif: 2, gateway: '192.168.0.1', flags: 4 },
      { oif: 3, gateway: '192.168.1.1', flags: 0 },
      { oif: 4, gateway: undefined, flags: 0 },
    ])
  })

  it('asks for one protocol, and for the route to an address', () => {
    expect(written((writer) => writeGetRoutes(writer, 0x301, 1, { family: 2, protocol: 157 }))).toBe(
      hex('1c000000 1a00 0103 01000000 00000000  02000000 00 9d 00 00 00000000'),
    )
    expect(written((writer) => writeLookUpRoute(writer, 5, 1, '10.0.0.1'))).toBe(
      hex('24000000 1a00 0500 01000000 00000000  02 20 0000 00000000 00000000  0800 0100 0a000001'),
    )
  })

  it('refuses a destination that is no CIDR', () => {
    const nowhere = { ...inline, destination: '10.0.0.1' }
    expect(() => written((writer) => writeRoute(writer, RTM_NEWROUTE, 5, 1, nowhere))).toThrow(TypeError)
  })
})

describe('nexthops', () => {
  it('writes one byte for byte and reads it back', () => {
    const nexthop = { id: 0x10000001, protocol: 157, oif: 5, gateway: '10.5.52.0', onLink: true }
    const bytes = written((writer) => writeNewNexthop(writer, 0x501, 4, nexthop))
    expect(bytes).toBe(
      hex(`30000000 6800 0105 04000000 00000000  02 00 9d 00 04000000
           0800 0100 01000010  0800 0500 05000000  0800 0600 0a053400`),
    )
    expect(readNexthop(readerOf(bytes))).toEqual({
      id: 0x10000001,
      family: AF_INET,
      protocol: 157,
      flags: 4,
      oif: 5,
      gateway: '10.5.52.0',
      special: false,
    })
  })

  it('deletes by id', () => {
    expect(written((writer) => writeDeleteNexthop(writer, 5, 4, 7))).toBe(
      hex('20000000 6900 0500 04000000 00000000  00000000 00000000  0800 0100 07000000'),
    )
  })
})

describe('neighbours and fdb entries', () => {
  const macAddress = 'c6:d2:32:6f:8f:44'

  it('writes a permanent neighbour byte for byte and reads it back', () => {
    const request = { family: AF_INET, index: 5, destination: '10.5.52.0', macAddress } as const
    const bytes = written((writer) => writeNeighbour(writer, RTM_NEWNEIGH, 0x501, 5, request))
    expect(bytes).toBe(
      hex(`30000000 1c00 0105 05000000 00000000  02000000 05000000 8000 00 00
           0800 0100 0a053400  0a00 0200 c6d2326f8f44 0000`),
    )
    expect(readNeighbour(readerOf(bytes))).toEqual({ ...request, state: 0x80, flags: 0, differs: false })
  })

  it('writes an fdb entry as the device’s own', () => {
    const request = { family: AF_BRIDGE, index: 5, destination: '192.168.64.3', macAddress } as const
    const bytes = written((writer) => writeNeighbour(writer, RTM_NEWNEIGH, 0x501, 5, request))
    expect(bytes).toContain(hex('07000000 05000000 8000 02 00'))
    expect(readNeighbour(readerOf(bytes))).toEqual({ ...request, state: 0x80, flags: 2, differs: false })
  })

  it('asks for those of one link', () => {
    expect(written((writer) => writeGetNeighbours(writer, 0x301, 1, { family: AF_BRIDGE, index: 5 }))).toBe(
      hex('24000000 1e00 0103 01000000 00000000  07000000 00000000 00000000  0800 0800 05000000'),
    )
  })
})

describe('policy rules', () => {
  /** As `ip rule` makes them: a header, and the attributes behind it. */
  const rule = (header: string, attributes: string) =>
    readRule(
      readerOf(
        `${(16 + header.length / 2 + attributes.length / 2).toString(16).padStart(2, '0')}000000` +
          `2000 0000 01000000 00000000`.replaceAll(' ', '') +
          header +
          attributes,
      ),
    )

  it.each([
    ['for everyone', '020000 00fe000001 00000000', '', true],
    ['for a destination', '021800 0064000001 00000000', '08000100ac100900', true],
    ['for all but a mark, as wg-quick has it', '020000 0000000001 02000000', '08000a006cca0000', true],
    ['for a mark', '020000 0064000001 00000000', '08000a0008000000', false],
    ['for no mark', '020000 0064000001 00000000', '08000a0000000000', true],
    ['from a source', '020020 0064000001 00000000', '08000200c0a80001', false],
    ['for what this host sends', '020000 0064000001 00000000', '070003006c6f0000', true],
    ['for what comes in by an interface', '020000 0064000001 00000000', '0900030065746830 00000000', false],
    ['for a VRF', '020000 0000000001 00000000', '0500130001000000', false],
    ['for a type of service', '020000 1064000001 00000000', '', false],
  ])('%s', (_what, header, attributes, isByDestination) => {
    expect(rule(hex(header), hex(attributes))).toMatchObject({ family: AF_INET, isByDestination })
  })

  it('says which table, and for which destination', () => {
    expect(
      rule(hex('021800 0064000001 00000000'), hex('08000100ac100900 0800060064000000 08000f0000010000')),
    ).toEqual({
      family: AF_INET,
      priority: 100,
      destination: '172.16.9.0/24',
      table: 256,
      isByDestination: true,
    })
    expect(rule(hex('800000 00fe000001 00000000'), '')).toBeUndefined()
  })
})
