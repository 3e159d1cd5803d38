import { writeAddress } from '../../netlink/index.js'

/**
 * Packets that try one direction of a path alone, and what answers them. They are short the other way: a long echo request in
 * short fragments is answered by one long packet, and a long timestamp request, or a long datagram to a closed port, by a
 * short one.
 */

/** Between two addresses of one family. */
export interface Ends {
  readonly source: string
  readonly destination: string
}

/** Tells this look from others of the same host: 1 to 65535. */
export type Identifier = number

export type Direction = 'there' | 'back'

/** What a packet that came says: that one of this length got through, whole. */
export interface Answer {
  readonly direction: Direction
  /** Of the whole packet, in bytes. */
  readonly length: number
}

const ICMP = 1
const UDP = 17
const FRAGMENT = 44
const ICMPV6 = 58

const HOP_LIMIT = 64
const IPV4_HEADER = 20
const IPV6_HEADER = 40
const FRAGMENT_HEADER = 8
const ICMP_HEADER = 8
const UDP_HEADER = 8

/** What a fragment carries: every path of IPv4 takes 576 bytes, and fragments end at a multiple of 8 (RFC 791, 3.2). */
const FRAGMENT_BYTES = 512
const DO_NOT_FRAGMENT = 0x4000
const MORE_FRAGMENTS = 0x2000

/** RFC 792, RFC 4443. */
const ECHO_REPLY = 0
const ECHO_REQUEST = 8
const TIMESTAMP_REQUEST = 13
const TIMESTAMP_REPLY = 14
const UNREACHABLE_V6 = 1
const ECHO_REQUEST_V6 = 128
const ECHO_REPLY_V6 = 129

/** traceroute's first port: no service has it. */
const CLOSED_PORT = 33_434

const isIpv6 = ({ destination }: Ends): boolean => destination.includes(':')

/** A packet of `length` bytes that is answered by a short one. */
export function longRequest(ends: Ends, identifier: Identifier, length: number): readonly Buffer[] {
  if (isIpv6(ends)) {
    const datagram = Buffer.alloc(length - IPV6_HEADER)
    datagram.writeUInt16BE(identifier, 0)
    datagram.writeUInt16BE(CLOSED_PORT, 2)
    datagram.writeUInt16BE(datagram.length, 4)
    // Zero says that there is none, which IPv6 forbids (RFC 8200, 8.1).
    datagram.writeUInt16BE(checksum(pseudoHeader(ends, UDP, datagram.length), datagram) || 0xffff, 6)
    return [Buffer.concat([ipv6Header(ends, UDP, datagram.length), datagram])]
  }
  const message = icmp(TIMESTAMP_REQUEST, identifier, length, length - IPV4_HEADER)
  message.writeUInt16BE(checksum(message), 2)
  return [Buffer.concat([ipv4Header(ends, 0, DO_NOT_FRAGMENT), message])]
}

/** An echo request that is answered by a packet of `length` bytes, in fragments that are short. */
export function longReply(ends: Ends, identifier: Identifier, length: number): readonly Buffer[] {
  const v6 = isIpv6(ends)
  const size = length - (v6 ? IPV6_HEADER : IPV4_HEADER)
  const message = icmp(v6 ? ECHO_REQUEST_V6 : ECHO_REQUEST, identifier, length, size)
  message.writeUInt16BE(v6 ? checksum(pseudoHeader(ends, ICMPV6, size), message) : checksum(message), 2)
  return fragmentsOf(message).map(({ offset, bytes, hasMore }) => {
    // No two packets of these ends that are under way may have one identification; each length is sent once at a time.
    if (!v6) {
      const flags = (offset >> 3) | (hasMore ? MORE_FRAGMENTS : 0)
      return Buffer.concat([ipv4Header(ends, (identifier + length) & 0xffff || 1, flags), bytes])
    }
    const header = Buffer.alloc(FRAGMENT_HEADER)
    header.writeUInt8(ICMPV6, 0)
    header.writeUInt16BE(offset | (hasMore ? 1 : 0), 2)
    header.writeUInt32BE(((identifier << 16) | length) >>> 0, 4)
    return Buffer.concat([ipv6Header(ends, FRAGMENT, FRAGMENT_HEADER + bytes.length), header, bytes])
  })
}

/**
 * @param packet of a raw socket of ICMP: with its header of IP for IPv4, and without it for IPv6
 * @returns undefined for what answers none of these
 */
export function readAnswer(family: 4 | 6, packet: Buffer, identifier: Identifier): Answer | undefined {
  const message = family === 6 ? packet : packet.subarray(((packet[0] ?? 0) & 0xf) * 4)
  if (message.length < ICMP_HEADER) return undefined
  const type = message.readUInt8(0)
  if (family === 6 && type === UNREACHABLE_V6) return readUnreachable(message, identifier)
  if (message.readUInt16BE(4) !== identifier) return undefined
  const length = message.readUInt16BE(6)
  if (family === 4 && type === TIMESTAMP_REPLY) return { direction: 'there', length }
  return type === (family === 6 ? ECHO_REPLY_V6 : ECHO_REPLY) ? { direction: 'back', length } : undefined
}

/** It quotes the datagram that it answers (RFC 4443, 3.1). */
function readUnreachable(message: Buffer, identifier: Identifier): Answer | undefined {
  const quoted = message.subarray(ICMP_HEADER)
  if (quoted.length < IPV6_HEADER + UDP_HEADER || quoted.readUInt8(6) !== UDP) return undefined
  const datagram = quoted.subarray(IPV6_HEADER)
  if (datagram.readUInt16BE(0) !== identifier || datagram.readUInt16BE(2) !== CLOSED_PORT) return undefined
  return { direction: 'there', length: IPV6_HEADER + datagram.readUInt16BE(4) }
}

/** The sequence number says how long the packet is. */
function icmp(type: number, identifier: Identifier, sequence: number, size: number): Buffer {
  const message = Buffer.alloc(size)
  message.writeUInt8(type, 0)
  message.writeUInt16BE(identifier, 4)
  message.writeUInt16BE(sequence, 6)
  return message
}

function fragmentsOf(message: Buffer) {
  const fragments = []
  for (let offset = 0; offset < message.length; offset += FRAGMENT_BYTES) {
    const end = offset + FRAGMENT_BYTES
    fragments.push({ offset, bytes: message.subarray(offset, end), hasMore: end < message.length })
  }
  return fragments
}

/** The kernel adds the length and the checksum (raw(7)). */
function ipv4Header({ source, destination }: Ends, identification: number, fragment: number): Buffer {
  const header = Buffer.alloc(IPV4_HEADER)
  header.writeUInt8(0x45, 0)
  header.writeUInt16BE(identification, 4)
  header.writeUInt16BE(fragment, 6)
  header.writeUInt8(HOP_LIMIT, 8)
  header.writeUInt8(ICMP, 9)
  writeAddress(header, 12, source)
  writeAddress(header, 16, destination)
  return header
}

function ipv6Header({ source, destination }: Ends, next: number, size: number): Buffer {
  const header = Buffer.alloc(IPV6_HEADER)
  header.writeUInt8(0x60, 0)
  header.writeUInt16BE(size, 4)
  header.writeUInt8(next, 6)
  header.writeUInt8(HOP_LIMIT, 7)
  writeAddress(header, 8, source)
  writeAddress(header, 24, destination)
  return header
}

/** RFC 8200, 8.1. */
function pseudoHeader({ source, destination }: Ends, next: number, size: number): Buffer {
  const header = Buffer.alloc(40)
  writeAddress(header, 0, source)
  writeAddress(header, 16, destination)
  header.writeUInt32BE(size, 32)
  header.writeUInt8(next, 39)
  return header
}

/** RFC 1071. */
export function checksum(...parts: readonly Buffer[]): number {
  let sum = 0
  for (const part of parts) {
    for (let index = 0; index < part.length; index += 2) {
      sum += ((part[index] ?? 0) << 8) | (part[index + 1] ?? 0)
    }
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
