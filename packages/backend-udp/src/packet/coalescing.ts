/*
 * Which received TCP segments can be one packet to the kernel: those that differ from one another in no more than what
 * taking that packet apart again gives back.
 */
import type { Family } from '@selvedge/core/kit'
import { addBytes, addField, isCorrect, writeChecksum, writeSum } from './checksum.js'
import { sourceAt } from './ip.js'
import {
  BASE_HEADER,
  PROTOCOL_TCP,
  pseudoHeaderSum,
  TCP_ACK,
  TCP_ACKNOWLEDGMENT,
  TCP_CHECKSUM,
  TCP_FLAGS,
  TCP_FLAGS_WORD,
  TCP_HEADER,
  TCP_PSH,
  TCP_SEQUENCE,
  tcpHeaderLength,
} from './transport.js'

/** PSH, in the word of the flags. */
const PSH_IN_WORD = TCP_PSH << 16

/** Whether a packet is TCP, unfragmented and without IP options or extensions: then its ports are where they usually are. */
export function isPlainTcp(view: DataView, offset: number, length: number, family: Family): boolean {
  if (length < BASE_HEADER[family] + TCP_HEADER) return false
  if (family === 6) return view.getUint8(offset + 6) === PROTOCOL_TCP
  if (view.getUint8(offset) !== 0x45 || view.getUint8(offset + 9) !== PROTOCOL_TCP) return false
  return (view.getUint16(offset + 6) & 0x3fff) === 0
}

/** The length of both headers if plain TCP may be a part of something larger; otherwise 0. */
export function coalescibleHeader(view: DataView, offset: number, length: number, family: Family): number {
  const tcp = offset + BASE_HEADER[family]
  const header = BASE_HEADER[family] + tcpHeaderLength(view, tcp)
  if (header < BASE_HEADER[family] + TCP_HEADER || header >= length) return 0
  return (view.getUint8(tcp + TCP_FLAGS) & ~TCP_PSH) === TCP_ACK ? header : 0
}

/** Whether two packets of plain TCP are of one connection, in one direction. */
export function isSameFlow(view: DataView, one: number, other: number, family: Family): boolean {
  // The ports follow the addresses.
  const end = BASE_HEADER[family] + 4
  for (let at = sourceAt(family, 0); at < end; at += 4) {
    if (view.getUint32(one + at, true) !== view.getUint32(other + at, true)) return false
  }
  return true
}

/** Whether a segment of the same flow has the headers of another, apart from what the position in the stream changes. */
export function hasSameHeaders(
  view: DataView,
  one: number,
  other: number,
  family: Family,
  headerLength: number,
): boolean {
  const tcp = BASE_HEADER[family]
  return (
    hasSameIpFields(view, one, other, family) &&
    view.getUint32(one + tcp + TCP_ACKNOWLEDGMENT) === view.getUint32(other + tcp + TCP_ACKNOWLEDGMENT) &&
    ((view.getUint32(one + tcp + TCP_FLAGS_WORD) ^ view.getUint32(other + tcp + TCP_FLAGS_WORD)) &
      ~PSH_IN_WORD) ===
      0 &&
    hasSameWords(view, one, other, tcp + TCP_HEADER, headerLength)
  )
}

/** IPv4: service, fragmentation and TTL. IPv6: traffic class, flow label and hop limit. */
const hasSameIpFields = (view: DataView, one: number, other: number, family: Family): boolean =>
  family === 4
    ? view.getUint16(one) === view.getUint16(other) &&
      view.getUint16(one + 6) === view.getUint16(other + 6) &&
      view.getUint8(one + 8) === view.getUint8(other + 8)
    : view.getUint32(one) === view.getUint32(other) && view.getUint8(one + 7) === view.getUint8(other + 7)

function hasSameWords(view: DataView, one: number, other: number, from: number, to: number): boolean {
  for (let at = from; at < to; at += 4) {
    if (view.getUint32(one + at, true) !== view.getUint32(other + at, true)) return false
  }
  return true
}

export const sequenceOf = (view: DataView, offset: number, family: Family): number =>
  view.getUint32(offset + BASE_HEADER[family] + TCP_SEQUENCE)

export const isPushed = (view: DataView, offset: number, family: Family): boolean =>
  (view.getUint8(offset + BASE_HEADER[family] + TCP_FLAGS) & TCP_PSH) !== 0

/** Whether TCP's checksum is right: what is coalesced has none any more that the kernel could check. */
export function hasCorrectChecksum(view: DataView, offset: number, length: number, family: Family): boolean {
  const tcp = BASE_HEADER[family]
  const pseudo = addField(length - tcp, pseudoHeaderSum(view, offset, family, PROTOCOL_TCP))
  return isCorrect(addBytes(view, offset + tcp, length - tcp, pseudo))
}

/** Makes the headers of a first segment those of a packet of `length` bytes, whose TCP checksum the kernel completes. */
export function writeLargeHeader(
  view: DataView,
  offset: number,
  length: number,
  family: Family,
  pushes: boolean,
): void {
  const tcp = BASE_HEADER[family]
  if (family === 4) {
    view.setUint16(offset + 2, length)
    view.setUint16(offset + 10, 0)
    writeChecksum(view, offset + 10, addBytes(view, offset, tcp))
  } else view.setUint16(offset + 4, length - tcp)
  if (pushes) {
    const at = offset + tcp + TCP_FLAGS
    view.setUint8(at, view.getUint8(at) | TCP_PSH)
  }
  const pseudo = addField(length - tcp, pseudoHeaderSum(view, offset, family, PROTOCOL_TCP))
  writeSum(view, offset + tcp + TCP_CHECKSUM, pseudo)
}
