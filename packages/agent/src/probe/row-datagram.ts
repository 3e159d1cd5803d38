import type { PathName } from './path-name.js'
import type { PathReport } from './path-state.js'

/**
 * How one node asks another what that one has found about all its peers. Big-endian, as probes: `SVPB`, version (1), kind
 * (3 question, 4 answer), two zero bytes, the question's nonce (8 bytes, which the answer repeats). A question is filled with
 * zeros to the length that the answer may have: no answer is longer than its question. An answer goes on with the number
 * of its sender's paths, how many of them are unreachable, how many have losses (4 bytes each), how many entries follow
 * (2 bytes), two zero bytes, and the entries, the worst first, 8 bytes each: the path's name (4), flags, the share of
 * probes that were lost in 1/200 (255: unknown), and the round trip in 0.1 ms (2 bytes; 65535: unknown, 65534: longer).
 *
 * The flags: bits 0 and 1 the state (0 unknown, 1 reachable, 2 unreachable), bits 2 and 3 the direction (0 none, 1 outbound,
 * 2 inbound, 3 unknown), bit 4 IPv6. The others are zero, and not looked at.
 */
export type RowDatagram =
  | { readonly kind: 'row-question'; readonly nonce: bigint; readonly answerBytes: number }
  | { readonly kind: 'row-answer'; readonly nonce: bigint; readonly row: Row }

/** What one node has found about its paths. */
export interface Row {
  /** How many paths it has, in all. */
  readonly paths: number
  /** How many of them are unreachable. */
  readonly unreachable: number
  /** How many of them lose probes. */
  readonly lossy: number
  /** The worst first; not all, if there is no room. */
  readonly entries: readonly RowEntry[]
}

/** One path of a row. */
export interface RowEntry extends PathName {
  /** What its node has found about it. */
  readonly report: EntryReport
}

/** What a row says of one path. */
export type EntryReport = Pick<PathReport, 'state' | 'direction' | 'rttMs' | 'loss'>

/** Below the MTU of any tunnel over IPv6's least, 1280, less its headers. */
export const MAX_ROW_BYTES = 1_120
const MAGIC = 0x53_56_50_42
const VERSION = 1
const QUESTION = 3
const ANSWER = 4
const ANSWER_HEADER_BYTES = 32
const ENTRY_BYTES = 8
export const MAX_ROW_ENTRIES = (MAX_ROW_BYTES - ANSWER_HEADER_BYTES) / ENTRY_BYTES

const MAX_U32 = 0xff_ff_ff_ff
const LOSS_UNITS = 200
const UNKNOWN_LOSS = 0xff
const RTT_UNITS = 10
const MAX_RTT = 0xff_fe
const UNKNOWN_RTT = 0xff_ff
const IPV6_FLAG = 0x10
const STATES = ['unknown', 'reachable', 'unreachable'] as const
const DIRECTIONS = [undefined, 'outbound', 'inbound', 'unknown'] as const

export function encodeRowQuestion(nonce: bigint): Buffer {
  return header(QUESTION, nonce, MAX_ROW_BYTES)
}

/** @param answerBytes the length of the question: entries for which it has no room are left out */
export function encodeRowAnswer(nonce: bigint, row: Row, answerBytes: number): Buffer {
  const room = Math.floor((Math.min(answerBytes, MAX_ROW_BYTES) - ANSWER_HEADER_BYTES) / ENTRY_BYTES)
  const entries = row.entries.slice(0, Math.max(0, room))
  const bytes = header(ANSWER, nonce, ANSWER_HEADER_BYTES + entries.length * ENTRY_BYTES)
  bytes.writeUInt32BE(Math.min(row.paths, MAX_U32), 16)
  bytes.writeUInt32BE(Math.min(row.unreachable, MAX_U32), 20)
  bytes.writeUInt32BE(Math.min(row.lossy, MAX_U32), 24)
  bytes.writeUInt16BE(entries.length, 28)
  entries.forEach(({ family, name, report: { state, direction, loss, rttMs } }, index) => {
    const at = ANSWER_HEADER_BYTES + index * ENTRY_BYTES
    bytes.writeUInt32BE(name, at)
    const flags = STATES.indexOf(state) | (DIRECTIONS.indexOf(direction) << 2)
    bytes.writeUInt8(flags | (family === 6 ? IPV6_FLAG : 0), at + 4)
    bytes.writeUInt8(loss === undefined ? UNKNOWN_LOSS : Math.round(clamp(loss, 1) * LOSS_UNITS), at + 5)
    bytes.writeUInt16BE(
      rttMs === undefined ? UNKNOWN_RTT : Math.round(clamp(rttMs * RTT_UNITS, MAX_RTT)),
      at + 6,
    )
  })
  return bytes
}

/** Undefined for whatever is not exactly one. */
export function decodeRowDatagram(bytes: Buffer): RowDatagram | undefined {
  const { length } = bytes
  if (length < ANSWER_HEADER_BYTES || length > MAX_ROW_BYTES) return undefined
  if (bytes.readUInt32BE(0) !== MAGIC || bytes.readUInt8(4) !== VERSION || bytes.readUInt16BE(6) !== 0) {
    return undefined
  }
  const nonce = bytes.readBigUInt64BE(8)
  const kind = bytes.readUInt8(5)
  if (kind === QUESTION) return { kind: 'row-question', nonce, answerBytes: length }
  if (kind !== ANSWER) return undefined
  const count = bytes.readUInt16BE(28)
  if (bytes.readUInt16BE(30) !== 0 || length !== ANSWER_HEADER_BYTES + count * ENTRY_BYTES) return undefined
  const entries: RowEntry[] = []
  for (let at = ANSWER_HEADER_BYTES; at < length; at += ENTRY_BYTES) {
    const entry = decodeEntry(bytes, at)
    if (entry === undefined) return undefined
    entries.push(entry)
  }
  const [paths, unreachable, lossy] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20), bytes.readUInt32BE(24)]
  if (Math.max(count, unreachable, lossy) > paths) return undefined
  return { kind: 'row-answer', nonce, row: { paths, unreachable, lossy, entries } }
}

function decodeEntry(bytes: Buffer, at: number): RowEntry | undefined {
  const flags = bytes.readUInt8(at + 4)
  const state = STATES[flags & 3]
  const direction = DIRECTIONS[(flags >> 2) & 3]
  const [loss, rtt] = [bytes.readUInt8(at + 5), bytes.readUInt16BE(at + 6)]
  if (state === undefined || (direction !== undefined && state !== 'unreachable')) return undefined
  if (loss > LOSS_UNITS && loss !== UNKNOWN_LOSS) return undefined
  return {
    family: (flags & IPV6_FLAG) === 0 ? 4 : 6,
    name: bytes.readUInt32BE(at),
    report: {
      state,
      ...(direction !== undefined && { direction }),
      ...(loss !== UNKNOWN_LOSS && { loss: loss / LOSS_UNITS }),
      ...(rtt !== UNKNOWN_RTT && { rttMs: rtt / RTT_UNITS }),
    },
  }
}

function header(kind: number, nonce: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  bytes.writeUInt32BE(MAGIC, 0)
  bytes.writeUInt8(VERSION, 4)
  bytes.writeUInt8(kind, 5)
  bytes.writeBigUInt64BE(nonce, 8)
  return bytes
}

/** What is not a number is the least. */
const clamp = (value: number, most: number): number => (value > 0 ? Math.min(value, most) : 0)
