import { describe, expect, test } from 'vitest'
import { parseGoBoolean, parseGoDuration, parseGoInteger } from './go-values.js'

describe('booleans', () => {
  test.each(['1', 't', 'T', 'TRUE', 'true', 'True'])('%s is true', (text) => {
    expect(parseGoBoolean(text)).toBe(true)
  })
  test.each(['0', 'f', 'F', 'FALSE', 'false', 'False'])('%s is false', (text) => {
    expect(parseGoBoolean(text)).toBe(false)
  })
  test.each(['', 'yes', 'tRUE', ' true', '2', 'on'])('%j is refused', (text) => {
    expect(() => parseGoBoolean(text)).toThrow('it must be true or false')
  })
})

describe('integers', () => {
  test.each([
    ['0', 0],
    ['60', 60],
    ['+60', 60],
    ['-1', -1],
    ['-0', 0],
    ['0x1F', 31],
    ['0b101', 5],
    ['0o17', 15],
    ['017', 15],
    ['1_000', 1000],
    ['0x_ff', 255],
    ['9007199254740991', 9007199254740991],
  ])('%s is %d', (text, value) => {
    expect(parseGoInteger(text)).toBe(value)
  })
  test.each(['', ' 1', '1 ', '1.0', '1e3', 'ten', '08', '_1', '1_', '1__0', '0x', '--1', '∞'])(
    '%j is refused',
    (text) => {
      expect(() => parseGoInteger(text)).toThrow('it must be a whole number')
    },
  )
  test('one that a double cannot hold is refused, not rounded', () => {
    expect(() => parseGoInteger('9007199254740993')).toThrow('it is out of range')
  })
})

describe('durations, in milliseconds', () => {
  test.each([
    ['0', 0],
    ['300ms', 300],
    ['1.5s', 1500],
    ['.5s', 500],
    ['1.s', 1000],
    ['1h30m', 5_400_000],
    ['24h', 86_400_000],
    ['-2s', -2000],
    ['+2s', 2000],
    ['250us', 0.25],
    ['250µs', 0.25],
  ])('%s is %d', (text, value) => {
    expect(parseGoDuration(text)).toBeCloseTo(value, 9)
  })
  test.each(['', '60', '1d', 's', '.s', '1h 30m', '1H', '--1s'])('%j is refused', (text) => {
    expect(() => parseGoDuration(text)).toThrow('it must be a duration')
  })
  test.each(['9223372036.854775808s', '2562048h', '9'.repeat(400).concat('h')])(
    '%s is out of range',
    (text) => {
      expect(() => parseGoDuration(text)).toThrow('it is out of range')
    },
  )
})

test.each([
  ['zeros and hours', `${'0'.repeat(100_000)}h${'30h'.repeat(30_000)}x`],
  ['digits', `${'1'.repeat(200_000)}x`],
  ['hours', `${'1h'.repeat(100_000)}x`],
  ['points', '.'.repeat(200_000)],
  ['a fraction', `.${'1'.repeat(200_000)}`],
  ['underscores', `1${'_1'.repeat(100_000)}_`],
  ['signs', '-'.repeat(200_000)],
])('%s by the hundred thousand are refused in linear time', (_, text) => {
  const start = performance.now()
  for (const parse of [parseGoDuration, parseGoInteger, parseGoBoolean]) {
    expect(() => parse(text)).toThrow(SyntaxError)
  }
  expect(performance.now() - start).toBeLessThan(1_000)
})
