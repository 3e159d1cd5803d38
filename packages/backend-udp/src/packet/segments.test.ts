import { describe, expect, it } from 'vitest'
import { addBytes, addField, isCorrect, writeChecksum, writeSum } from './checksum.js'
import { hasCorrectChecksum } from './coalescing.js'
import { familyOfPacket } from './ip.js'
import type { Offload } from './offload.js'
import {
  completeChecksum,
  type LargePacket,
  largePacket,
  payloadLength,
  payloadStart,
  writeSegmentHeader,
} from './segments.js'
import { pseudoHeaderSum } from './transport.js'

type Family = 4 | 6
const IP_HEADER = { 4: 20, 6: 40 } as const

/** A packet with `options` bytes of TCP options, as the kernel hands one over whose checksum is to be completed. */
function tcpPacket(family: Family, payload: Uint8Array, flags: number, options = 12): DataView {
  const transport = IP_HEADER[family]
  const bytes = new Uint8Array(transport + 20 + options + payload.length)
  const view = new DataView(bytes.buffer)
  writeIpHeader(view, family, 6)
  view.setUint32(transport, 0x1234_0050)
  view.setUint32(transport + 4, 0xffff_ff00)
  view.setUint32(transport + 8, 7)
  view.setUint8(transport + 12, ((20 + options) / 4) << 4)
  view.setUint8(transport + 13, flags)
  bytes.fill(1, transport + 20, transport + 20 + options)
  bytes.set(payload, transport + 20 + options)
  writeSum(view, transport + 16, addField(bytes.length - transport, pseudoHeaderSum(view, 0, family, 6)))
  return view
}

function udpPacket(family: Family, payload: Uint8Array): DataView {
  const transport = IP_HEADER[family]
  const bytes = new Uint8Array(transport + 8 + payload.length)
  const view = new DataView(bytes.buffer)
  writeIpHeader(view, family, 17)
  view.setUint32(transport, 0x1234_01bb)
  view.setUint16(transport + 4, 8 + payload.length)
  bytes.set(payload, transport + 8)
  writeSum(view, transport + 6, addField(bytes.length - transport, pseudoHeaderSum(view, 0, family, 17)))
  return view
}

function writeIpHeader(view: DataView, family: Family, protocol: number): void {
  if (family === 6) {
    view.setUint32(0, 0x6001_2345)
    view.setUint16(4, view.byteLength - 40)
    view.setUint8(6, protocol)
    view.setUint8(7, 63)
    for (let at = 8; at < 40; at += 1) view.setUint8(at, at)
    return
  }
  view.setUint16(0, 0x4500)
  view.setUint16(2, view.byteLength)
  view.setUint16(4, 0xfffe)
  view.setUint16(6, 0x4000)
  view.setUint8(8, 63)
  view.setUint8(9, protocol)
  view.setUint32(12, 0x0a05_0102)
  view.setUint32(16, 0x0a05_0202)
  writeChecksum(view, 10, addBytes(view, 0, 20))
}

const offload = (fields: Partial<Offload>): Offload => ({
  isLarge: true,
  segmentSize: 1000,
  needsChecksum: true,
  transport: 20,
  checksum: 16,
  ...fields,
})

/** Each packet as it would be sent. */
function taken(packet: LargePacket): Uint8Array[] {
  return Array.from({ length: packet.count }, (_, index) => {
    const bytes = new Uint8Array(packet.headerLength + payloadLength(packet, index))
    const headers = new Uint8Array(256)
    writeSegmentHeader(packet, index, new DataView(headers.buffer), 0)
    bytes.set(headers.subarray(0, packet.headerLength))
    const start = packet.view.byteOffset + payloadStart(packet, index)
    bytes.set(new Uint8Array(packet.view.buffer, start, payloadLength(packet, index)), packet.headerLength)
    return bytes
  })
}

const payloadOf = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 31) & 0xff)
const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

describe.each([4, 6] as const)('a large TCP packet of IPv%d', (family) => {
  const transport = IP_HEADER[family]
  it.each([
    [2_500, 1_000, 12],
    [3_000, 1_000, 0],
    [1_001, 1_000, 40],
    [65_000, 1_388, 12],
    [999, 1_000, 12],
    [301, 7, 12],
  ])('of %d bytes in %d each, with options of %d', (length, segmentSize, options) => {
    const payload = payloadOf(length)
    const view = tcpPacket(family, payload, 0x19, options)
    const large = largePacket(view, 0, view.byteLength, family, offload({ segmentSize, transport }))
    if (large === undefined) throw new Error('not taken apart')
    const packets = taken(large)
    expect(packets).toHaveLength(Math.ceil(length / segmentSize))
    let sequence = 0xffff_ff00
    for (const [index, packet] of packets.entries()) {
      const one = viewOf(packet)
      const isLast = index === packets.length - 1
      expect(familyOfPacket(one, 0, packet.length)).toBe(family)
      if (family === 4) {
        expect(isCorrect(addBytes(one, 0, 20))).toBe(true)
        expect(one.getUint16(4)).toBe((0xfffe + index) & 0xffff)
      }
      expect(hasCorrectChecksum(one, 0, packet.length, family)).toBe(true)
      expect(one.getUint32(transport + 4)).toBe(sequence >>> 0)
      sequence += packet.length - large.headerLength
      // FIN and PSH, of what they are said of: the end.
      expect(one.getUint8(transport + 13)).toBe(isLast ? 0x19 : 0x10)
    }
    expect(Buffer.concat(packets.map((packet) => packet.subarray(large.headerLength)))).toEqual(
      Buffer.from(payload),
    )
  })

  it('of UDP is datagrams with lengths and checksums of their own', () => {
    const view = udpPacket(family, payloadOf(2_100))
    const fields = offload({ segmentSize: 1_000, transport, checksum: 6 })
    const large = largePacket(view, 0, view.byteLength, family, fields)
    if (large === undefined) throw new Error('not taken apart')
    const packets = taken(large).map((packet) => viewOf(packet))
    expect(packets.map((one) => one.getUint16(transport + 4))).toEqual([1_008, 1_008, 108])
    for (const one of packets) {
      expect(familyOfPacket(one, 0, one.byteLength)).toBe(family)
      const sum = addField(one.byteLength - transport, pseudoHeaderSum(one, 0, family, 17))
      expect(isCorrect(addBytes(one, transport, one.byteLength - transport, sum))).toBe(true)
    }
  })
})

it.each([
  ['no size', { segmentSize: 0 }],
  ['a transport header within the IP header', { transport: 16 }],
  ['a transport header at an odd place', { transport: 22 }],
  ['a transport header behind the end', { transport: 65_532 }],
  ['another protocol', { checksum: 2 }],
])('what the kernel never says is not followed: %s', (_, fields) => {
  const view = tcpPacket(4, payloadOf(100), 0x10)
  expect(largePacket(view, 0, view.byteLength, 4, offload(fields))).toBeUndefined()
})

it('a TCP header that is longer than the packet is not followed', () => {
  const view = tcpPacket(4, payloadOf(20), 0x10, 0)
  view.setUint8(32, 0xf0)
  expect(largePacket(view, 0, view.byteLength, 4, offload({}))).toBeUndefined()
  view.setUint8(32, 0x00)
  expect(largePacket(view, 0, view.byteLength, 4, offload({}))).toBeUndefined()
})

describe('a checksum that the kernel left', () => {
  it.each([4, 6] as const)('is completed (IPv%d)', (family) => {
    const view = tcpPacket(family, payloadOf(333), 0x18)
    const transport = IP_HEADER[family]
    expect(completeChecksum(view, 0, view.byteLength, offload({ transport }))).toBe(true)
    expect(hasCorrectChecksum(view, 0, view.byteLength, family)).toBe(true)
  })

  it('of UDP is never zero, which would mean that there is none', () => {
    // A payload that makes the sum all ones.
    const view = udpPacket(4, new Uint8Array(2))
    const fields = offload({ checksum: 6 })
    const sum = addBytes(view, 20, view.byteLength - 20)
    view.setUint16(28, ~sum & 0xffff, true)
    expect(completeChecksum(view, 0, view.byteLength, fields)).toBe(true)
    expect(view.getUint16(26)).toBe(0xffff)
  })

  it('outside of the packet is not', () => {
    const view = udpPacket(4, new Uint8Array(2))
    expect(completeChecksum(view, 0, view.byteLength, offload({ checksum: 9 }))).toBe(false)
    expect(completeChecksum(view, 0, view.byteLength, offload({ transport: 60_000 }))).toBe(false)
  })
})
