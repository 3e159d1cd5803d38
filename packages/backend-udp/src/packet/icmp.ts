import type { Family } from '@selvedge/core/kit'
import { addBytes, addField, writeChecksum } from './checksum.js'
import { destinationAt, IPV4_HEADER, IPV6_HEADER, sourceAt } from './ip.js'

const ICMP_HEADER = 8
const PROTOCOL_ICMP = 1
const PROTOCOL_ICMPV6 = 58
/** Of what is sent; RFC 1700. */
const TTL = 64

/** The most that an error may be, in bytes: RFC 1812, 4.3.2.3, and RFC 4443, 2.4 (c). */
export const MAX_ICMP_ERROR = { 4: 576, 6: 1280 } as const

export type IcmpError = 'no route' | 'ttl exceeded' | 'too big'

/** Types and codes: RFC 792, RFC 4443. */
const TYPES: Readonly<Record<Family, Readonly<Record<IcmpError, readonly [number, number]>>>> = {
  4: { 'no route': [3, 0], 'ttl exceeded': [11, 0], 'too big': [3, 4] },
  6: { 'no route': [1, 0], 'ttl exceeded': [3, 0], 'too big': [2, 0] },
}

export interface Packet {
  readonly view: DataView
  readonly offset: number
  /** As `familyOfPacket` found it: the packet is whole. */
  readonly length: number
  readonly family: Family
}

/**
 * Writes the ICMP error that answers a packet to `out`, which has room for `MAX_ICMP_ERROR`.
 *
 * @param source this node's address, 4 or 16 bytes
 * @param mtu for `too big`
 * @returns its length; 0 if no error may answer this packet
 */
export function writeIcmpError(
  packet: Packet,
  error: IcmpError,
  source: Uint8Array,
  out: DataView,
  mtu = 0,
): number {
  if (!mayAnswer(packet)) return 0
  return packet.family === 4
    ? writeV4(packet, error, source, out, mtu)
    : writeV6(packet, error, source, out, mtu)
}

function writeV4(packet: Packet, error: IcmpError, source: Uint8Array, out: DataView, mtu: number): number {
  const quoted = Math.min(packet.length, MAX_ICMP_ERROR[4] - IPV4_HEADER - ICMP_HEADER)
  const length = IPV4_HEADER + ICMP_HEADER + quoted
  clear(out, IPV4_HEADER + ICMP_HEADER)
  out.setUint8(0, 0x45)
  // Precedence 6, internetwork control (RFC 1812, 4.3.2.5).
  out.setUint8(1, 0xc0)
  out.setUint16(2, length)
  out.setUint8(8, TTL)
  out.setUint8(9, PROTOCOL_ICMP)
  copy(source, out, sourceAt(4, 0))
  copyFrom(packet, sourceAt(4, packet.offset), 4, out, destinationAt(4, 0))
  writeChecksum(out, 10, addBytes(out, 0, IPV4_HEADER))
  writeMessage(packet, error, quoted, out, IPV4_HEADER)
  // RFC 1191, 4.
  if (error === 'too big') out.setUint16(IPV4_HEADER + 6, mtu)
  writeChecksum(out, IPV4_HEADER + 2, addBytes(out, IPV4_HEADER, ICMP_HEADER + quoted))
  return length
}

function writeV6(packet: Packet, error: IcmpError, source: Uint8Array, out: DataView, mtu: number): number {
  const quoted = Math.min(packet.length, MAX_ICMP_ERROR[6] - IPV6_HEADER - ICMP_HEADER)
  const payload = ICMP_HEADER + quoted
  clear(out, IPV6_HEADER + ICMP_HEADER)
  out.setUint8(0, 0x60)
  out.setUint16(4, payload)
  out.setUint8(6, PROTOCOL_ICMPV6)
  out.setUint8(7, TTL)
  copy(source, out, sourceAt(6, 0))
  copyFrom(packet, sourceAt(6, packet.offset), 16, out, destinationAt(6, 0))
  writeMessage(packet, error, quoted, out, IPV6_HEADER)
  if (error === 'too big') out.setUint32(IPV6_HEADER + 4, mtu)
  // The pseudo-header of RFC 8200, 8.1.
  const addresses = addBytes(out, sourceAt(6, 0), 32)
  const pseudo = addField(payload, addField(PROTOCOL_ICMPV6, addresses))
  writeChecksum(out, IPV6_HEADER + 2, addBytes(out, IPV6_HEADER, payload, pseudo))
  return IPV6_HEADER + payload
}

function writeMessage(packet: Packet, error: IcmpError, quoted: number, out: DataView, at: number): void {
  const [type, code] = TYPES[packet.family][error]
  out.setUint8(at, type)
  out.setUint8(at + 1, code)
  copyFrom(packet, packet.offset, quoted, out, at + ICMP_HEADER)
}

/**
 * No error answers an error, a fragment but the first, what went to many, or what came from no single host (RFC 1812,
 * 4.3.2.7; RFC 4443, 2.4 (e)).
 */
function mayAnswer(packet: Packet): boolean {
  return packet.family === 4 ? mayAnswerV4(packet) : mayAnswerV6(packet)
}

function mayAnswerV4({ view, offset, length }: Packet): boolean {
  const source = view.getUint32(offset + 12)
  if ((view.getUint16(offset + 6) & 0x1fff) !== 0) return false
  if (isManyV4(source) || isManyV4(view.getUint32(offset + 16))) return false
  if (source === 0 || source >>> 24 === 127) return false
  if (view.getUint8(offset + 9) !== PROTOCOL_ICMP) return true
  const header = (view.getUint8(offset) & 15) * 4
  return length > header && isQueryV4(view.getUint8(offset + header))
}

/** Multicast, reserved and the broadcast: 224.0.0.0/3. */
const isManyV4 = (address: number): boolean => address >>> 29 === 7

/** Echo, router discovery, timestamps, information and masks: RFC 792, 1256, 950. All other types are errors, or may be. */
const isQueryV4 = (type: number): boolean => [0, 8, 9, 10, 13, 14, 15, 16, 17, 18].includes(type)

function mayAnswerV6({ view, offset, length }: Packet): boolean {
  if (view.getUint8(offset + 8) === 0xff || view.getUint8(offset + 24) === 0xff) return false
  if (isUnspecifiedOrLoopbackV6(view, offset + 8)) return false
  const { protocol, at } = upperLayerV6(view, offset, length)
  if (protocol !== PROTOCOL_ICMPV6) return true
  // The types of errors are below 128 (RFC 4443, 2.1).
  return at < offset + length && view.getUint8(at) >= 128
}

const isUnspecifiedOrLoopbackV6 = (view: DataView, at: number): boolean =>
  view.getUint32(at) === 0 &&
  view.getUint32(at + 4) === 0 &&
  view.getUint32(at + 8) === 0 &&
  view.getUint32(at + 12) <= 1

/** Hop-by-hop options, routing, and destination options: RFC 8200, 4.1. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 60])
const FRAGMENT = 44

/** What a packet carries behind its extension headers. Of a fragment but the first that cannot be told: it gets ICMPv6. */
function upperLayerV6(view: DataView, offset: number, length: number): { protocol: number; at: number } {
  const end = offset + length
  let protocol = view.getUint8(offset + 6)
  let at = offset + IPV6_HEADER
  while (at + 8 <= end && (EXTENSIONS.has(protocol) || protocol === FRAGMENT)) {
    if (protocol === FRAGMENT && (view.getUint16(at + 2) & 0xfff8) !== 0)
      return { protocol: PROTOCOL_ICMPV6, at: end }
    const size = protocol === FRAGMENT ? 8 : 8 * (view.getUint8(at + 1) + 1)
    protocol = view.getUint8(at)
    at += size
  }
  return { protocol, at }
}

function clear(out: DataView, length: number): void {
  for (let at = 0; at < length; at += 1) out.setUint8(at, 0)
}

function copy(bytes: Uint8Array, out: DataView, at: number): void {
  for (const [index, byte] of bytes.entries()) out.setUint8(at + index, byte)
}

function copyFrom({ view }: Packet, from: number, length: number, out: DataView, at: number): void {
  for (let index = 0; index < length; index += 1) out.setUint8(at + index, view.getUint8(from + index))
}
