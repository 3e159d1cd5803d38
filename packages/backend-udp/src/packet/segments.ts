import type { Family } from '@selvedge/core/kit'
import { addBytes, addField, writeChecksum } from './checksum.js'
import { IPV4_HEADER, IPV6_HEADER } from './ip.js'
import type { Offload } from './offload.js'
import {
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  pseudoHeaderSum,
  TCP_CHECKSUM,
  TCP_FIN,
  TCP_FLAGS,
  TCP_HEADER,
  TCP_PSH,
  TCP_SEQUENCE,
  tcpHeaderLength,
  UDP_CHECKSUM,
  UDP_HEADER,
  UDP_LENGTH,
} from './transport.js'

/** A packet that is several in one (GSO), and how it is taken apart. */
export interface LargePacket {
  readonly view: DataView
  readonly offset: number
  readonly length: number
  readonly family: Family
  /** Of each packet, IP and transport, in bytes: a multiple of 4. */
  readonly headerLength: number
  /** Where the transport header begins, from the start of the packet. */
  readonly transport: number
  readonly isTcp: boolean
  /** The payload of each packet but the last, in bytes. */
  readonly size: number
  readonly count: number
  /** Of the pseudo-header, without its length. */
  readonly sum: number
}

/** How a large packet is taken apart; undefined if it is no such packet of TCP or UDP. */
export function largePacket(
  view: DataView,
  offset: number,
  length: number,
  family: Family,
  { checksum, transport, segmentSize: size }: Offload,
): LargePacket | undefined {
  const isTcp = checksum === TCP_CHECKSUM
  if (!isTcp && checksum !== UDP_CHECKSUM) return undefined
  const base = family === 4 ? IPV4_HEADER : IPV6_HEADER
  if (size === 0 || transport < base || transport % 4 !== 0) return undefined
  if (transport + (isTcp ? TCP_HEADER : UDP_HEADER) > length) return undefined
  // What the kernel says of the header's length is a hint.
  const headerLength = transport + (isTcp ? tcpHeaderLength(view, offset + transport) : UDP_HEADER)
  if (headerLength >= length || headerLength < transport + UDP_HEADER) return undefined
  const sum = pseudoHeaderSum(view, offset, family, isTcp ? PROTOCOL_TCP : PROTOCOL_UDP)
  const count = Math.ceil((length - headerLength) / size)
  return { view, offset, length, family, headerLength, transport, isTcp, size, count, sum }
}

/** Where the payload of one packet is, from the start of the large one. */
export const payloadStart = ({ headerLength, size }: LargePacket, index: number): number =>
  headerLength + index * size

export const payloadLength = (packet: LargePacket, index: number): number =>
  Math.min(packet.size, packet.length - payloadStart(packet, index))

/** Writes the headers of one packet to `out`. */
export function writeSegmentHeader(packet: LargePacket, index: number, out: DataView, at: number): void {
  const { view, offset, headerLength, transport, family, isTcp } = packet
  for (let word = 0; word < headerLength; word += 4) out.setUint32(at + word, view.getUint32(offset + word))
  const payload = payloadLength(packet, index)
  const length = headerLength + payload
  const transportAt = at + transport
  const checksumAt = transportAt + (isTcp ? TCP_CHECKSUM : UDP_CHECKSUM)
  if (family === 4) {
    out.setUint16(at + 2, length)
    // Each packet has an identification of its own.
    out.setUint16(at + 4, (view.getUint16(offset + 4) + index) & 0xffff)
    out.setUint16(at + 10, 0)
    writeChecksum(out, at + 10, addBytes(out, at, transport))
  } else out.setUint16(at + 4, length - IPV6_HEADER)
  if (isTcp) {
    out.setUint32(
      transportAt + TCP_SEQUENCE,
      view.getUint32(offset + transport + TCP_SEQUENCE) + index * packet.size,
    )
    if (index < packet.count - 1) {
      const flags = out.getUint8(transportAt + TCP_FLAGS)
      out.setUint8(transportAt + TCP_FLAGS, flags & ~(TCP_FIN | TCP_PSH))
    }
  } else out.setUint16(transportAt + UDP_LENGTH, length - transport)
  out.setUint16(checksumAt, 0)
  const header = addBytes(
    out,
    transportAt,
    headerLength - transport,
    addField(length - transport, packet.sum),
  )
  const sum = addBytes(view, offset + payloadStart(packet, index), payload, header)
  writeChecksum(out, checksumAt, sum)
  avoidZero(out, checksumAt, isTcp)
}

/** Completes a checksum of which the kernel has summed up the pseudo-header; false if it is outside the packet. */
export function completeChecksum(
  view: DataView,
  offset: number,
  length: number,
  { transport, checksum }: Offload,
): boolean {
  const at = transport + checksum
  if (at + 2 > length) return false
  const sum = addBytes(view, offset + transport, length - transport)
  writeChecksum(view, offset + at, sum)
  avoidZero(view, offset + at, checksum !== UDP_CHECKSUM)
  return true
}

/** In UDP, zero says that there is no checksum (RFC 768). */
function avoidZero(view: DataView, at: number, isTcp: boolean): void {
  if (!isTcp && view.getUint16(at) === 0) view.setUint16(at, 0xffff)
}
