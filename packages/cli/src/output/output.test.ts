import { expect, test } from 'vitest'
import { duration } from './duration.js'
import { pageWidth, wrap } from './page.js'
import { table } from './table.js'

test.each([
  [0, '0s'],
  [-5, '0s'],
  [59_400, '59s'],
  [60_000, '1m'],
  [86_399_000, '23h 59m'],
  [3 * 86_400_000 + 7_200_000, '3d 2h'],
])('%d ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text)
})

test('a table is as wide as it may be at most: its widest columns are cut, and the others stay', () => {
  const lines = table(
    [
      ['NAME', 'TEXT', 'END'],
      ['a', 'x'.repeat(90), 'y'.repeat(40)],
    ],
    60,
  )
  expect(Math.max(...lines.map((line) => line.length))).toBe(60)
  expect(lines[1]).toMatch(/^a {5}x+… {2}y+…$/)
  expect(table([['a', 'b']], 60)).toEqual(['a  b'])
  expect(table([], 60)).toEqual([])
})

test('a page has a width that can be read, whatever a terminal says of itself', () => {
  expect([undefined, 0, 20, 72, 300].map((columns) => pageWidth({ columns }))).toEqual([100, 40, 40, 72, 100])
  for (const width of [-1, 0, 1, 2]) expect(wrap('ab c', width, 2).join('').replaceAll(' ', '')).toBe('abc')
})

test('a line is broken at words, and a word that fits nowhere is cut', () => {
  expect(wrap('one two three', 8, 2)).toEqual(['one two', '  three'])
  expect(wrap('abcdefghij', 4, 0)).toEqual(['abcd', 'efgh', 'ij'])
  expect(wrap('  a b', 40, 4)).toEqual(['  a b'])
  expect(wrap('', 40, 0)).toEqual([''])
  for (let width = 5; width < 40; width += 1) {
    const lines = wrap(`${'word '.repeat(9)}${'long'.repeat(20)} end`, width, 2)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width)
    expect(lines.join('').replaceAll(' ', '')).toBe(`${'word'.repeat(9)}${'long'.repeat(20)}end`)
  }
})
