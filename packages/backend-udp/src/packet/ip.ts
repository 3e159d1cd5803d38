import type { Family } from '@selvedge/core/kit'

/** RFC 791, 3.1. */
export const IPV4_HEADER = 20
const IPV4_TTL = 8
const IPV4_CHECKSUM = 10
const IPV4_SOURCE = 12
const IPV4_DESTINATION = 16
/** RFC 8200, 3. */
export const IPV6_HEADER = 40
const IPV6_HOP_LIMIT = 7
const IPV6_SOURCE = 8
const IPV6_DESTINATION = 24

/**
 * The family of the packet that fills `length` bytes; undefined if they are no packet, or not exactly one: its header
 * must be whole, and name the length.
 */
export function familyOfPacket(view: DataView, offset: number, length: number): Family | undefined {
  if (length < IPV4_HEADER) return undefined
  const first = view.getUint8(offset)
  switch (first >>> 4) {
    case 4: {
      const header = (first & 15) * 4
      if (header < IPV4_HEADER || header > length) return undefined
      return view.getUint16(offset + 2) === length ? 4 : undefined
    }
    case 6:
      if (length < IPV6_HEADER) return undefined
      return view.getUint16(offset + 4) === length - IPV6_HEADER ? 6 : undefined
    default:
      return undefined
  }
}

/** Where the source address is. */
export const sourceAt = (family: Family, offset: number): number =>
  offset + (family === 4 ? IPV4_SOURCE : IPV6_SOURCE)

/** Where the destination address is. */
export const destinationAt = (family: Family, offset: number): number =>
  offset + (family === 4 ? IPV4_DESTINATION : IPV6_DESTINATION)

/** Takes one off the TTL or hop limit; false, and nothing is changed, if that would leave none. */
export function decrementTtl(view: DataView, family: Family, offset: number): boolean {
  const at = offset + (family === 4 ? IPV4_TTL : IPV6_HOP_LIMIT)
  const ttl = view.getUint8(at)
  if (ttl <= 1) return false
  view.setUint8(at, ttl - 1)
  if (family === 4) {
    // RFC 1624, 3, for a word that loses 0x0100: the checksum gains it.
    const sum = view.getUint16(offset + IPV4_CHECKSUM) + 0x0100
    view.setUint16(offset + IPV4_CHECKSUM, (sum & 0xffff) + (sum >>> 16))
  }
  return true
}

/** Whether an IPv4 packet may not be fragmented; no router fragments IPv6. */
export const mayNotFragment = (view: DataView, family: Family, offset: number): boolean =>
  family === 6 || (view.getUint16(offset + 6) & 0x4000) !== 0
