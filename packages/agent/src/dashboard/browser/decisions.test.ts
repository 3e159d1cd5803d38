import { describe, expect, test } from 'vitest'
import { causesOf, median, programText } from './causes.js'
import { byMinute, chartColumns } from './columns.js'
import type { Feed, PeerRow, Summary } from './feed.js'
import { type ListState, pageOf } from './peer-list.js'
import { PlanAsks } from './plan-asks.js'
import { countsText } from './plan-page.js'
import { agoText, durationText, lossText, msText } from './texts.js'
import { DRAWING, drawnNodes } from './topology.js'
import { overallVerdict, peerVerdict } from './verdicts.js'

const NOW = 1_700_000_000_000
const peer = (n: number, rest: Partial<PeerRow> = {}): PeerRow => ({
  key: `10.${n >> 8}.${n & 255}.0-24`,
  subnets: [`10.${n >> 8}.${n & 255}.0/24`],
  addresses: [`192.0.2.${n}`],
  backend: 'vxlan',
  path: 'tunnel',
  failing: 0,
  drift: 0,
  ...rest,
})
const all: ListState = { filter: '', shown: 'all', column: 'subnet', descending: false, page: 0 }
const subnets = (peers: PeerRow[], state: Partial<ListState>) =>
  pageOf(peers, { ...all, ...state }, NOW).rows.map(({ subnets: [subnet] }) => subnet)

test.each([
  [{ path: 'none' }, 'bad', 'refused'],
  [{ failing: 2 }, 'bad', '2 failing'],
  [{ fault: 'outbound', loss: 1 }, 'bad', 'not reached'],
  [{ fault: 'inbound', loss: 1 }, 'bad', 'nothing arrives'],
  [{ silent: true }, 'ok', 'held, answers no probes'],
  [{ silent: true, fault: 'inbound', loss: 1 }, 'bad', 'nothing arrives'],
  [{ loss: 0.3, rttMs: 4 }, 'warn', 'loss'],
  [{ drift: 1, driftAt: NOW - 1_000 }, 'warn', 'changed'],
  [{ drift: 1, driftAt: NOW - 3_600_000 }, 'ok', 'held'],
  [{}, 'ok', 'held'],
] as const)('a peer with %j is %s: %s', (rest, level, text) => {
  expect(peerVerdict(peer(1, rest), NOW)).toEqual({ level, text })
})

test('the gravest trouble is the overall verdict', () => {
  const kernel = { inSync: true, desired: 1, actual: 1, failed: 0, failures: [] }
  const store = { name: 'etcd', connected: true, fromCache: false }
  const summary = { kernel, store } as unknown as Summary
  expect(overallVerdict(summary, 0).text).toBe('In sync')
  expect(overallVerdict({ ...summary, kernel: { ...kernel, inSync: false } }, 0).text).toBe('Writing')
  expect(overallVerdict({ ...summary, store: { ...store, connected: false } }, 0).level).toBe('warn')
  expect(overallVerdict({ ...summary, kernel: { ...kernel, failed: 1 } }, 3).text).toBe('1 entry fails')
  expect(overallVerdict({ ...summary, waitingFor: 'etcd' }, 3).text).toBe('Not ready')
})

describe('the list of peers', () => {
  test('is in the order of numbers, not of letters', () => {
    expect(subnets([peer(10), peer(9), peer(100)], {})).toEqual([
      '10.0.9.0/24',
      '10.0.10.0/24',
      '10.0.100.0/24',
    ])
    expect(subnets([peer(9), peer(10)], { descending: true })).toEqual(['10.0.10.0/24', '10.0.9.0/24'])
  })
  test('has what is not known last, either way', () => {
    const peers = [peer(1), peer(2, { rttMs: 5 }), peer(3, { rttMs: 1 })]
    expect(subnets(peers, { column: 'rtt' })).toEqual(['10.0.3.0/24', '10.0.2.0/24', '10.0.1.0/24'])
    expect(subnets(peers, { column: 'rtt', descending: true })).toEqual([
      '10.0.2.0/24',
      '10.0.3.0/24',
      '10.0.1.0/24',
    ])
  })
  test('has all words of a filter, wherever they are', () => {
    const peers = [peer(1), peer(2, { backend: 'host-gw', path: 'direct' })]
    expect(subnets(peers, { filter: ' HOST-GW 192.0.2.2 ' })).toEqual(['10.0.2.0/24'])
    expect(subnets(peers, { filter: '(.*' })).toEqual([])
    expect(subnets(peers, { shown: 'direct' })).toEqual(['10.0.2.0/24'])
    expect(subnets([...peers, peer(3, { failing: 1 })], { shown: 'trouble' })).toEqual(['10.0.3.0/24'])
  })
  test('comes in pages, of which one that is gone is the last', () => {
    const peers = Array.from({ length: 120 }, (_, n) => peer(n))
    expect(pageOf(peers, { ...all, page: 2 }, NOW)).toMatchObject({
      page: 2,
      pages: 3,
      first: 101,
      last: 120,
    })
    expect(pageOf(peers, { ...all, page: 9 }, NOW)).toMatchObject({ page: 2, matching: 120 })
    expect(pageOf([], all, NOW)).toMatchObject({ rows: [], pages: 1, first: 0, last: 0 })
  })
})

describe('the topology', () => {
  const inside = ({ x, y }: { x: number; y: number }) =>
    x >= 0 && x <= DRAWING.width && y >= 0 && y <= DRAWING.height
  test('has each of a hundred peers', () => {
    const nodes = drawnNodes(
      Array.from({ length: 100 }, (_, n) => peer(n)),
      NOW,
    )
    expect(nodes).toHaveLength(100)
    expect(nodes.every(inside)).toBe(true)
  })
  test('has one node for those of thousands that are alike', () => {
    const peers = Array.from({ length: 5000 }, (_, n) => peer(n, n < 7 ? { failing: 1 } : {}))
    expect(drawnNodes(peers, NOW).map(({ label, level }) => [label, level])).toEqual([
      ['4,993 tunnelled', 'ok'],
      ['7 tunnelled', 'bad'],
    ])
  })
  test('is bounded, whatever backends peers say they have', () => {
    const peers = Array.from({ length: 5000 }, (_, n) => peer(n, { backend: `backend ${n}` }))
    expect(drawnNodes(peers, NOW).length).toBeLessThanOrEqual(16)
  })
})

test('drift is counted by program, and by minute', () => {
  const by = { pid: 7, name: 'ip' }
  const drifts = [
    { at: NOW, key: 'a', was: 'missing', by },
    { at: NOW - 5, key: 'b', was: 'changed', by: { ...by, pid: 8 } },
    { at: NOW - 9, key: 'c', was: 'changed' },
  ] as const
  expect(causesOf(drifts)).toEqual([
    { program: 'ip', count: 2, lastAt: NOW },
    { program: 'not known', count: 1, lastAt: NOW - 9 },
  ])
  expect(programText(by)).toBe('ip (7)')
  expect(programText({ pid: 9 })).toBe('ended (9)')
  const counts = byMinute(
    [
      { at: NOW, count: 3 },
      { at: NOW - 60_000, count: 1 },
      { at: 0, count: 9 },
    ],
    NOW,
    3,
  )
  expect(counts).toEqual([0, 1, 3])
})

test('a chart shows the smallest value beside the largest, and none for nothing', () => {
  const [none, small, large] = chartColumns(
    [0, 1, 1e6].map((value) => ({ value, title: '' })),
    3,
  )
  expect(none?.height).toBe(0)
  expect(small?.height).toBeGreaterThanOrEqual(3)
  expect(large?.height).toBe(64)
  expect(median([])).toBeUndefined()
  expect(median([3, 1, 2])).toBe(2)
})

test('numbers and ages read well', () => {
  expect([0, 999, 61_000, 7_200_000, -5].map(durationText)).toEqual(['0 s', '0 s', '1 min', '2 h', '0 s'])
  expect(agoText(NOW + 500, NOW)).toBe('now')
  expect([0, 0.001, 0.5, 1].map(lossText)).toEqual(['0 %', '<1 %', '50 %', '100 %'])
  expect([0.123, 12.3, 2_500].map(msText)).toEqual(['0.1 ms', '12 ms', '2.5 s'])
})

test('what a plan changes is counted in words', () => {
  expect(countsText([])).toBe('')
  const counts = [
    { type: 'delete', kind: 'route', count: 1 },
    { type: 'add', kind: 'route', count: 5_000 },
    { type: 'add', kind: 'fdb', count: 2 },
  ] as const
  expect(countsText(counts)).toBe('5,002 to add (5,000 route, 2 fdb), 1 to delete (1 route)')
})

test('a plan is asked for at first, when something happened but not at once again, by hand, and now and then', () => {
  const asks = new PlanAsks()
  const feed = (total: number): Feed => ({
    summary: { kernel: {}, drift: { total }, syncs: [], configDifferences: [] } as unknown as Summary,
    peers: new Map(),
  })
  expect(asks.isDue(feed(0), NOW)).toBe(true)
  expect(asks.isDue(feed(1), NOW + 500)).toBe(false)
  expect(asks.isDue(feed(1), NOW + 2_000)).toBe(true)
  expect(asks.isDue(feed(1), NOW + 6_000)).toBe(false)
  asks.want()
  expect(asks.isDue(feed(1), NOW + 6_000)).toBe(true)
  expect(asks.isDue(feed(1), NOW + 36_000)).toBe(true)
  expect(asks.isDue(feed(1), NOW + 37_000)).toBe(false)
})
