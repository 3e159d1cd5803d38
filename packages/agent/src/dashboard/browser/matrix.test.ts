import { describe, expect, test } from 'vitest'
import { Matrix, moved, squares, wayText } from './matrix.js'
import type { MatrixCell, MatrixPage } from './matrix-page.js'

/** Nodes 0 to 2; what each has found. */
function matrix(rows: Readonly<Record<number, readonly MatrixCell[]>>, count = 3): Matrix {
  const nodes = Array.from({ length: count }, (_, n) => ({
    key: `10.0.${n}.0-24`,
    name: `10.0.${n}.0/24`,
    address: `192.0.2.${n}`,
  }))
  const page: MatrixPage = {
    at: 0,
    total: count,
    everyMs: 2_000,
    matching: count,
    nodes,
    columns: nodes.map((_, n) => n),
    rows: nodes.map((_, node) => ({
      node,
      state: node in rows ? 'known' : 'unknown',
      cells: rows[node] ?? [],
    })),
  }
  return new Matrix(page)
}

describe('one direction that is cut is the fault of that direction alone', () => {
  test.each([
    ['both ends say so', { 1: [[2, 1, null, 'outbound']], 2: [[1, 1, null, 'inbound']] }, 'ok'],
    ['the sender says so', { 1: [[2, 1, null, 'outbound']] }, 'ok'],
    ['the receiver says so', { 2: [[1, 1, null, 'inbound']] }, 'unknown'],
  ] as const)('%s', (_, rows, back) => {
    const found = matrix(rows as never)
    expect(found.verdict(1, 2)).toMatchObject({ level: 'bad', text: 'packets are lost' })
    expect(found.verdict(2, 1).level).toBe(back)
    expect(found.troubles().map(({ from, to }) => [from, to])).toEqual([[1, 2]])
  })

  test('though the node that sends says nothing of it', () => {
    const found = matrix({ 0: [[2, 0, 1, null]], 2: [[1, 1, null, 'inbound']] })
    expect(found.troubles().map(({ from, to }) => [from, to])).toEqual([[1, 2]])
  })
})

test('if both are cut, both are bad', () => {
  const found = matrix({ 1: [[2, 1, null, 'inbound']], 2: [[1, 1, null, 'inbound']] })
  expect(found.verdict(1, 2).level).toBe('bad')
  expect(found.verdict(2, 1).level).toBe('bad')
})

test.each([
  [[1, 0, 3, null], 'ok', 'well'],
  [[1, 0.03, 3, null], 'ok', 'well'],
  [[1, 0.2, 3, null], 'warn', 'loss, there or back'],
  [[1, 1, null, 'unknown'], 'bad', 'no answer'],
  [[1, null, null, null], 'unknown', 'not known'],
] as const)('a path with %j is %s: %s', (cell, level, text) => {
  expect(matrix({ 0: [cell as unknown as MatrixCell] }).verdict(0, 1)).toMatchObject({ level, text })
})

test('a way is put in words, a node that is not there in none', () => {
  const found = matrix({ 0: [[1, 0.25, 12.4, null]] })
  expect(wayText(found, 0, 1)).toBe(
    '10.0.0.0/24 → 10.0.1.0/24: loss, there or back, loss 25 %, round trip 12 ms',
  )
  expect(wayText(found, 2, 2)).toBe('10.0.2.0/24 → 10.0.2.0/24: the node itself')
  expect(wayText(found, 0, 9)).toBe('10.0.0.0/24 → : not known')
})

test('each way is one square, of one level', () => {
  const found = matrix({ 0: [[1, 0, 1, null]], 1: [[0, 1, null, 'unknown']] })
  const counts = (['ok', 'warn', 'bad', 'unknown', 'self'] as const).map(
    (level) => squares(found, level, 20).split('M').length - 1,
  )
  expect(counts).toEqual([1, 0, 1, 4, 3])
})

test('a cursor goes by keys, and not beyond an edge', () => {
  const size = { row: 2, column: 3 }
  const from = { row: 0, column: 0 }
  expect(moved(from, 'ArrowUp', size)).toEqual(from)
  expect(moved(from, 'ArrowDown', size)).toEqual({ row: 1, column: 0 })
  expect(moved(from, 'End', size)).toEqual({ row: 0, column: 2 })
  expect(moved({ row: 1, column: 2 }, 'ArrowRight', size)).toEqual({ row: 1, column: 2 })
  expect(moved(from, 'ArrowLeft', { row: 0, column: 0 })).toEqual({ row: 0, column: 0 })
  expect(moved(from, 'a', size)).toBeUndefined()
  expect(moved(from, 'Tab', size)).toBeUndefined()
})
