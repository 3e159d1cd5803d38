import { expect, test } from 'vitest'
import type { PathReport } from './path-state.js'
import { MAX_ROW_ENTRIES, type Row } from './row-datagram.js'
import { type FoundPath, RowExchange, rowOf } from './row-exchange.js'

const addresses = (count: number) => Array.from({ length: count }, (_, n) => `10.${n >> 8}.${n & 255}.0`)
const ROW: Row = { paths: 1, unreachable: 0, lossy: 0, entries: [] }

function exchange(count: number, found: readonly FoundPath[] = []) {
  let nonce = 0n
  let gathered = 0
  const rows = new RowExchange({
    nonce: () => (nonce += 1n),
    paths: () => {
      gathered += 1
      return found
    },
  })
  rows.setPeers(addresses(count))
  return { rows, gathered: () => gathered }
}

/** As a prober calls it: what it asks from one time to another, 50 ms apart. */
function askedBetween(
  rows: RowExchange,
  from: number,
  to: number,
  { answering = true, wanting = true } = {},
) {
  const asked: string[] = []
  for (let now = from; now < to; now += 50) {
    if (wanting) rows.want(now)
    for (const { address, nonce } of rows.due(now)) {
      asked.push(address)
      if (answering) rows.receive(address, nonce, ROW, now + 1)
    }
  }
  return asked
}

test('nobody is asked while nobody looks, nor for long once the last has left', () => {
  const { rows } = exchange(10)
  expect(askedBetween(rows, 0, 60_000, { wanting: false })).toEqual([])
  expect(askedBetween(rows, 60_000, 61_000)).toHaveLength(10)
  askedBetween(rows, 61_000, 67_000, { wanting: false })
  expect(askedBetween(rows, 67_000, 100_000, { wanting: false })).toEqual([])
  expect(rows.row('10.0.1.0')).toBeDefined()
  askedBetween(rows, 130_000, 130_100, { wanting: false })
  expect(rows.row('10.0.1.0')).toBeUndefined()
})

test('each of 50 is asked every 2 s', () => {
  const { rows } = exchange(50)
  askedBetween(rows, 0, 10_000)
  const counts = new Map<string, number>()
  for (const address of askedBetween(rows, 10_000, 20_000))
    counts.set(address, (counts.get(address) ?? 0) + 1)
  expect(counts.size).toBe(50)
  expect(Math.min(...counts.values())).toBeGreaterThanOrEqual(4)
})

test('of thousands, at most 32 are asked a second, and each in its turn', () => {
  const { rows } = exchange(5_000)
  const asked = askedBetween(rows, 0, 160_000)
  expect(asked.length).toBeLessThanOrEqual(160 * 32 + 8)
  expect(new Set(asked).size).toBe(5_000)
})

test('a pause is not made up for', () => {
  const { rows } = exchange(5_000)
  askedBetween(rows, 0, 1_000)
  rows.want(3_600_000)
  expect(rows.due(3_600_000).length).toBeLessThanOrEqual(8)
})

test('one that never answers is asked seldom, as an older agent is; and as often as others once it does', () => {
  const { rows } = exchange(1)
  expect(askedBetween(rows, 0, 60_000, { answering: false }).length).toBeLessThan(8)
  askedBetween(rows, 60_000, 90_000)
  expect(askedBetween(rows, 90_000, 100_000).length).toBeGreaterThanOrEqual(4)
})

test('an answer counts once, from the one that was asked, and only if it was', () => {
  const { rows } = exchange(2)
  expect(rows.receive('10.0.0.0', 1n, ROW, 0)).toBe(false)
  rows.want(0)
  const [first, second] = rows.due(1_000)
  if (first === undefined || second === undefined) throw new Error('both are due')
  expect(rows.receive(first.address, second.nonce, ROW, 1_001)).toBe(false)
  expect(rows.receive('192.0.2.1', first.nonce, ROW, 1_001)).toBe(false)
  expect(rows.receive(first.address, first.nonce, ROW, 1_001)).toBe(true)
  expect(rows.receive(first.address, first.nonce, { ...ROW, paths: 9 }, 1_002)).toBe(false)
  expect(rows.row(first.address)).toEqual({ row: ROW, at: 1_001 })
  expect(rows.row(second.address)).toBeUndefined()
})

test('a peer that leaves the network is forgotten', () => {
  const { rows } = exchange(2)
  askedBetween(rows, 0, 1_000)
  rows.setPeers(['10.0.0.0'])
  expect(rows.row('10.0.0.0')).toBeDefined()
  expect(rows.row('10.0.1.0')).toBeUndefined()
})

test('one that floods gets an answer every half second, and a thousand that do 200 a second, of one gathered row', () => {
  const { rows, gathered } = exchange(1_000)
  let answers = 0
  for (let now = 0; now < 1_000; now += 10) if (rows.answer('10.0.0.0', now) !== undefined) answers += 1
  expect(answers).toBe(2)
  const before = gathered()
  const many = addresses(1_000).filter((address) => rows.answer(address, 5_000) !== undefined)
  expect(many).toHaveLength(200)
  expect(gathered() - before).toBe(1)
})

test('a row has the worst first, and as many as fit, and counts them all', () => {
  const reports: readonly PathReport[] = [
    { state: 'reachable', loss: 0, rttMs: 50 },
    { state: 'unknown', loss: 1 },
    { state: 'reachable', loss: 0, rttMs: 1 },
    { state: 'reachable', loss: 0.25, rttMs: 1 },
    { state: 'unreachable', direction: 'outbound', loss: 1 },
  ]
  const found = reports.map((report, n) => ({ address: `10.0.${n}.0`, report }))
  const { entries, ...counts } = rowOf(found)
  expect(counts).toEqual({ paths: 5, unreachable: 1, lossy: 1 })
  expect(entries.map(({ name }) => (name >> 8) & 255)).toEqual([4, 3, 0, 2, 1])
  const many = addresses(5_000).map((address) => ({ address, report: { state: 'reachable' } as const }))
  expect(rowOf([...many, ...found]).entries).toHaveLength(MAX_ROW_ENTRIES)
  expect(rowOf([...many, ...found]).entries[0]?.report.direction).toBe('outbound')
})
