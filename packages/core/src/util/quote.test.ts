import { describe, expect, it } from 'vitest'
import { printable, quote } from './quote.js'

describe('foreign text in messages', () => {
  it.each<[what: string, text: string, printed: string]>([
    ['plain text', 'flannel.1: größer', 'flannel.1: größer'],
    ['a newline, which could forge a line', 'x\nlevel=info', 'x\\u000alevel=info'],
    ['an escape sequence', '\x1b[2J', '\\u001b[2J'],
    ['the one-byte CSI of C1', '\x9b31m', '\\u009b31m'],
    ['an override of the direction of text', 'a\u202eb', 'a\\u202eb'],
    ['an isolate', 'a\u2066b', 'a\\u2066b'],
    ['half a surrogate pair', 'a\ud800b', 'a\\ud800b'],
    ['200 characters', 'x'.repeat(200), 'x'.repeat(200)],
    ['more', 'x'.repeat(1_000_000), `${'x'.repeat(200)}…`],
  ])('%s', (_what, text, printed) => {
    expect(printable(text)).toBe(printed)
  })

  it('is cut elsewhere if a caller says so', () => {
    expect(printable('x'.repeat(10), 10)).toBe('x'.repeat(10))
    expect(printable('x'.repeat(11), 10)).toBe(`${'x'.repeat(10)}…`)
  })

  it.each<[unknown, string]>([
    ['a"b', '"a\\"b"'],
    [{ a: [1, null] }, '{"a":[1,null]}'],
    [undefined, 'undefined'],
    [Number.NaN, 'null'],
  ])('quotes %o', (value, quoted) => {
    expect(quote(value)).toBe(quoted)
  })
})
