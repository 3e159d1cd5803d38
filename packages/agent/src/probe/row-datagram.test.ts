import { expect, test } from 'vitest'
import { decodeDatagram, encodeDatagram } from './datagram.js'
import { pathName } from './path-name.js'
import {
  decodeRowDatagram,
  encodeRowAnswer,
  encodeRowQuestion,
  MAX_ROW_BYTES,
  MAX_ROW_ENTRIES,
  type Row,
  type RowEntry,
} from './row-datagram.js'

const NONCE = 0xfedc_ba98_7654_3210n
const entry = (address: string, report: Partial<RowEntry['report']> = {}): RowEntry => ({
  ...pathName(address),
  report: { state: 'reachable', ...report },
})
const row: Row = {
  paths: 5_000,
  unreachable: 2,
  lossy: 1,
  entries: [
    entry('10.244.1.0', { state: 'unreachable', direction: 'outbound', loss: 1 }),
    entry('fd00::1', { state: 'unreachable', direction: 'inbound', loss: 0.5, rttMs: 0.3 }),
    entry('10.244.2.0', { state: 'unreachable', direction: 'unknown' }),
    entry('10.244.3.0', { loss: 0, rttMs: 12.5 }),
    entry('10.244.4.0', { state: 'unknown' }),
  ],
}
const answer = (changed: Partial<Row> = {}) => encodeRowAnswer(NONCE, { ...row, ...changed }, MAX_ROW_BYTES)
const read = (bytes: Buffer) => {
  const read = decodeRowDatagram(bytes)
  return read?.kind === 'row-answer' ? read.row : undefined
}

test('a row is read as it was written', () => {
  expect(decodeRowDatagram(answer())).toEqual({ kind: 'row-answer', nonce: NONCE, row })
  expect(decodeRowDatagram(encodeRowQuestion(NONCE))).toEqual({
    kind: 'row-question',
    nonce: NONCE,
    answerBytes: MAX_ROW_BYTES,
  })
})

test.each([
  [
    { loss: -1, rttMs: Number.NaN },
    { loss: 0, rttMs: 0 },
  ],
  [
    { loss: 7, rttMs: 1e9 },
    { loss: 1, rttMs: 6_553.4 },
  ],
  [
    { loss: 1 / 32, rttMs: 0.26 },
    { loss: 0.03, rttMs: 0.3 },
  ],
])('%j is written as %j', (given, written) => {
  const [found] = read(answer({ entries: [entry('10.0.0.1', given)] }))?.entries ?? []
  expect(found?.report).toEqual({ state: 'reachable', ...written })
})

test('an answer is never longer than its question, and holds the first entries for which there is room', () => {
  const entries = Array.from({ length: 500 }, (_, n) => entry(`10.0.${n >> 8}.${n & 255}`))
  for (const length of [32, 33, 40, 47, 1_000, MAX_ROW_BYTES, 60_000]) {
    const bytes = encodeRowAnswer(NONCE, { ...row, entries }, length)
    expect(bytes.length).toBeLessThanOrEqual(Math.min(length, MAX_ROW_BYTES))
    const read = decodeRowDatagram(bytes)
    expect(read?.kind === 'row-answer' && read.row.entries.length).toBe(
      Math.min(MAX_ROW_ENTRIES, Math.floor((length - 32) / 8)),
    )
  }
})

test('a mesh of 128 nodes, or of 64 with both families, fits into one datagram', () => {
  expect(MAX_ROW_ENTRIES).toBeGreaterThanOrEqual(127)
})

test('whatever is cut, longer, or another version, kind or magic is none', () => {
  for (const good of [answer(), encodeRowQuestion(NONCE)]) {
    for (let index = 0; index < 8; index += 1) {
      const bytes = Buffer.from(good)
      bytes[index] = 0xee
      expect(decodeRowDatagram(bytes), `${index}`).toBeUndefined()
    }
    expect(decodeRowDatagram(Buffer.concat([good, Buffer.alloc(MAX_ROW_BYTES)]))).toBeUndefined()
  }
  const good = answer()
  for (let length = 0; length < good.length; length += 1) {
    expect(decodeRowDatagram(good.subarray(0, length)), `${length}`).toBeUndefined()
  }
  expect(decodeRowDatagram(Buffer.concat([good, Buffer.alloc(8)]))).toBeUndefined()
  for (const length of [0, 16, 31, MAX_ROW_BYTES + 1, 65_507]) {
    expect(decodeRowDatagram(Buffer.alloc(length, 0xff))).toBeUndefined()
    expect(decodeRowDatagram(encodeRowQuestion(NONCE).subarray(0, Math.min(length, 31)))).toBeUndefined()
  }
})

test.each([
  ['more entries than bytes', (bytes: Buffer) => bytes.writeUInt16BE(0xffff, 28)],
  ['more entries than paths', (bytes: Buffer) => bytes.writeUInt32BE(4, 16)],
  ['more unreachable than paths', (bytes: Buffer) => bytes.writeUInt32BE(5_001, 20)],
  ['more lossy than paths', (bytes: Buffer) => bytes.writeUInt32BE(0xffff_ffff, 24)],
  ['a state that there is not', (bytes: Buffer) => bytes.writeUInt8(3, 36)],
  ['a direction of what is reached', (bytes: Buffer) => bytes.writeUInt8(1 | (1 << 2), 36)],
  ['a loss above all', (bytes: Buffer) => bytes.writeUInt8(201, 37)],
])('an answer with %s is none', (_, damage) => {
  const bytes = answer()
  damage(bytes)
  expect(decodeRowDatagram(bytes)).toBeUndefined()
})

test('flags that a later version may add are not looked at', () => {
  const bytes = answer()
  bytes.writeUInt8(bytes.readUInt8(36) | 0xe0, 36)
  expect(read(bytes)?.entries).toEqual(row.entries)
})

test('no bytes make it throw, nor are taken for a probe as well', () => {
  let seed = 1
  const random = () => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fff_ffff
    return seed / 0x7fff_ffff
  }
  for (let n = 0; n < 20_000; n += 1) {
    const bytes = Buffer.from(n % 2 === 0 ? answer() : encodeRowQuestion(NONCE))
    for (let damage = 0; damage < 1 + random() * 4; damage += 1) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
    }
    const cut = bytes.subarray(0, random() < 0.5 ? bytes.length : Math.floor(random() * bytes.length))
    const row = read(cut)
    expect(row?.entries.length ?? 0).toBeLessThanOrEqual(MAX_ROW_ENTRIES)
    expect(decodeDatagram(cut)).toBeUndefined()
  }
  const probe = encodeDatagram({ kind: 'question', nonce: NONCE, heardAgeMs: 0 })
  expect(decodeRowDatagram(probe)).toBeUndefined()
})
