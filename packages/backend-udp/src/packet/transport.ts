import type { Family } from '@selvedge/core/kit'
import { addBytes, addField } from './checksum.js'
import { destinationAt, IPV4_HEADER, IPV6_HEADER, sourceAt } from './ip.js'

export const PROTOCOL_TCP = 6
export const PROTOCOL_UDP = 17

/** Offsets in a TCP header: RFC 9293, 3.1. */
export const TCP_SEQUENCE = 4
export const TCP_ACKNOWLEDGMENT = 8
/** The word of the data offset, the flags and the window. */
export const TCP_FLAGS_WORD = 12
export const TCP_FLAGS = 13
export const TCP_CHECKSUM = 16
export const TCP_HEADER = 20
export const TCP_FIN = 0x01
export const TCP_PSH = 0x08
export const TCP_ACK = 0x10

/** RFC 768. */
export const UDP_LENGTH = 4
export const UDP_CHECKSUM = 6
export const UDP_HEADER = 8

/** The length of a TCP header, options included, in bytes. */
export const tcpHeaderLength = (view: DataView, at: number): number =>
  (view.getUint8(at + TCP_FLAGS_WORD) >>> 4) * 4

/** The sum of what TCP and UDP take in of the IP header (RFC 9293, 3.1; RFC 8200, 8.1), but for the length. */
export function pseudoHeaderSum(view: DataView, offset: number, family: Family, protocol: number): number {
  const addresses = destinationAt(family, 0) - sourceAt(family, 0)
  return addField(protocol, addBytes(view, sourceAt(family, offset), 2 * addresses))
}

/** Of an IP header without options or extensions. */
export const BASE_HEADER = { 4: IPV4_HEADER, 6: IPV6_HEADER } as const
