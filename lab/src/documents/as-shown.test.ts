import { expect, test } from 'vitest'
import { asShown } from './as-shown.js'

test.each([
  ['the same', 'a\n  b', 'a\n  b\n'],
  ['lines that are elided', 'a\n…\nd', 'a\nb\nc\nd\n'],
  ['none that are elided', 'a\n…\nb', 'a\nb\n'],
  ['elided lines at both ends', '…\nb\n…', 'a\nb\nc\n'],
  ['the first place where all lines follow', '…\na\nc\n…', 'a\nb\na\nc\nd\n'],
  ['a part of a line', 'a=1 …', 'a=1 b=2\n'],
  ['times and durations', '07:03:12.402 after 1251 ms, 3m ago', '17:00:00 after 9.5 s, 1h 2m ago\n'],
  ['an expiry', 'expires=2026-11-22T07:03:12.000Z', 'expires=2027-01-02T17:00:00.123Z\n'],
  ['MACs', 'lladdr aa:c0:c0:a8:4d:01', 'lladdr 02:00:00:00:00:01\n'],
  ['process ids', 'by process 12, [7]', 'by process 4321, [99]\n'],
  ['the version in an address', 'see x/v0.1.0/docs', 'see x/v1.2.0-rc.1/docs\n'],
  ['the width of a column', 'h1    0.4 ms  x', 'h1       12 ms  x\n'],
])('what was printed is as shown with %s', (_, block, printed) => {
  expect(asShown(block, printed)).toBe(block)
})

test.each([
  ['a word', 'a b\nc', 'a x\nc\n', 'a x\nc'],
  ['an address', '10.0.0.1 d', '10.0.0.2 d\n', '10.0.0.2 d'],
  ['a line that is missing', 'a\nb\nc', 'a\nc\n', 'a\nc'],
  ['a line more', 'a', 'a\nb\n', 'a\nb'],
  ['lines before an ellipsis', 'a\n…', 'x\na\n', 'x\n…'],
  ['the last line', '…\nb\nc', 'a\nb\nd\n', '…\nb\nd'],
  ['one of the lines between ellipses', '…\nb\nc\n…', 'a\nb\nd\ne\n', '…\nb\nd\n…'],
  ['the end of a line among others', '…\nb 1\n…', 'a\nb 2\nc\n', '…\nb 2\n…'],
  ['nothing that is printed', 'a\n…\nb', '', '\n…'],
  ['a duration where there is none', 'in 3 s', 'in time\n', 'in time'],
])('it differs by %s, and the difference is small', (_, block, printed, shown) => {
  expect(asShown(block, printed)).toBe(shown)
})

test('a caller names what varies besides', () => {
  expect(asShown('port 4001 of 2', 'port 51234 of 2\n', { varying: [/(?<=port )\d+/] })).toBe(
    'port 4001 of 2',
  )
})
