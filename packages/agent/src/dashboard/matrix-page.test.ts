import { expect, test } from 'vitest'
import { type Finding, type MatrixSource, matrixPage } from './matrix-page.js'

interface Given {
  readonly ageMs?: number
  readonly faults?: readonly number[]
  readonly lossy?: readonly number[]
}

const key = (n: number) => `10.${n >> 8}.${n & 255}.0-24`
function node(n: number, given?: Given): MatrixSource {
  const { ageMs = 0, faults = [], lossy = [] } = given ?? {}
  const findings = (): Finding[] => [
    ...faults.map((peer) => ({ peer: key(peer), measured: { loss: 1, fault: 'outbound' as const } })),
    ...lossy.map((peer) => ({ peer: key(peer), measured: { loss: 0.5, rttMs: 2 } })),
  ]
  return {
    key: key(n),
    subnets: [`10.${n >> 8}.${n & 255}.0/24`],
    addresses: [`192.0.2.${n}`],
    ...(given && {
      row: { ageMs, paths: 9, unreachable: faults.length, lossy: lossy.length, findings },
    }),
  }
}
const page = (peers: readonly MatrixSource[], { filter = '', everyMs = 2_000, own = node(0, {}) } = {}) =>
  matrixPage({ own, peers, everyMs, at: 7 }, filter)

/** Each row as the number of its node, its state, and whom it is about. */
const rowsOf = ({ rows, nodes }: ReturnType<typeof page>) =>
  rows.map(({ node, state, cells }) => [nodes[node]?.key, state, cells.map(([to]) => nodes[to]?.key)])

test('of a small network it has each row and column, with what each has said', () => {
  const found = page([node(1, { faults: [2] }), node(2), node(3, { ageMs: 60_000, faults: [1] })])
  expect(found).toMatchObject({ at: 7, total: 4, matching: 4, columns: [0, 1, 2, 3] })
  expect(rowsOf(found)).toEqual([
    [key(0), 'own', []],
    [key(1), 'known', [key(2)]],
    [key(2), 'unknown', []],
    // What it said a minute ago is not shown.
    [key(3), 'old', []],
  ])
  expect(found.rows[1]?.cells).toEqual([[2, 1, null, 'outbound']])
})

test('of a large network it has this node, and those in trouble, the worst first, with whom they have it', () => {
  const peers = Array.from({ length: 4_999 }, (_, index) => {
    const n = index + 1
    if (n === 4_000) return node(n, { faults: [17, 18] })
    return node(n, n === 3_000 ? { lossy: [17] } : n % 2 === 0 ? {} : undefined)
  })
  const found = page(peers, { everyMs: 156_000 })
  expect(found).toMatchObject({ total: 5_000, matching: 3, everyMs: 156_000 })
  expect(rowsOf(found)).toEqual([
    [key(0), 'own', []],
    [key(4_000), 'known', [key(17), key(18)]],
    [key(3_000), 'known', [key(17)]],
  ])
  expect(found.columns.map((place) => found.nodes[place]?.key)).toEqual([0, 4_000, 3_000, 17, 18].map(key))
})

test('it is bounded, however many are in trouble with however many', () => {
  const all = Array.from({ length: 136 }, (_, n) => n * 30)
  const peers = Array.from({ length: 4_999 }, (_, n) => node(n + 1, { faults: all, lossy: [n] }))
  const found = page(peers)
  expect(found.rows).toHaveLength(64)
  expect(found.columns).toHaveLength(64)
  expect(found.nodes.length).toBeLessThanOrEqual(128)
  expect(found.matching).toBe(5_000)
  expect(JSON.stringify(found).length).toBeLessThan(300_000)
  expect(rowsOf(found)[0]?.[0]).toBe(key(0))
})

test('a filter names rows, in trouble or not, by all its words', () => {
  const peers = Array.from({ length: 999 }, (_, n) => node(n + 1, {}))
  expect(rowsOf(page(peers, { filter: ' 10.3.1.0 192.0.2.769 ' }))).toEqual([[key(769), 'known', []]])
  expect(page(peers, { filter: '10.3' })).toMatchObject({ total: 1_000, matching: 232 })
  expect(page(peers, { filter: 'no such node' })).toMatchObject({ rows: [], columns: [], matching: 0 })
  const few = page([node(1, {}), node(2, {})], { filter: '10.0.2.0' })
  expect(few.rows).toHaveLength(1)
  expect(few.columns).toHaveLength(3)
})

test('of a node with two families the worse counts, and nodes that are not shown are left out', () => {
  const twice = node(1, { faults: [2], lossy: [2, 70] })
  const [row] = page([twice, node(2)], { filter: '10.0.1.0' }).rows
  expect(row?.cells).toEqual([[2, 1, 2, 'outbound']])
})
