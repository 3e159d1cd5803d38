import { describe, expect, test } from 'vitest'
import { parseGoRegExp } from './go-regexp.js'

describe('a regular expression of Go matches', () => {
  test.each<[string, string, boolean]>([
    ['eth0', 'eth0', true],
    ['eth0', 'veth01', true],
    ['^eth\\d+$', 'eth12', true],
    ['^eth\\d+$', 'eth1a', false],
    ['(?i)^ETH', 'eth0', true],
    ['10\\.0\\.*', '10.0.7.1', true],
    ['^192\\.168\\.(1|2)\\.', '192.168.2.9', true],
    ['^en[[:alnum:]]+$', 'enp0s3', true],
    ['^en[^[:digit:]]', 'en0', false],
    ['^br\\-[a-f0-9]+$', 'br-0fa3', true],
    ['^br[\\-_]x$', 'br_x', true],
    ['(?P<kind>eth|en)\\d', 'en5', true],
    ['\\Aeth0\\z', 'eth01', false],
    ['^fd00:', 'fd00::1', true],
  ])('%s against %s: %s', (pattern, text, matches) => {
    expect(parseGoRegExp(pattern).test(text)).toBe(matches)
  })
})

test.each([
  ['(((((e{1,9}){1,9}){1,9}){1,9}){1,9}){1,9}', /its counts, such as \{1,9\}, multiply to too much/],
  ['e{9}{99999999999999999999}', /multiply to too much/],
  [`(${'e'.repeat(20)}){1000}`, /multiply to too much/],
  ['e'.repeat(5_000), /it is longer than 4096 characters/],
  ['eth[\u001b', /^Invalid regular expression: \/eth\[\\u001b\//],
])('%s is refused, since it would take too much, or cannot be shown', (pattern, why) => {
  expect(() => parseGoRegExp(pattern)).toThrow(why)
})

test.each(['e{1,9}[({]{1000}', '\\({1000}(th){3}', '(e{10}){10}'])('%s is large, and accepted', (pattern) => {
  expect(parseGoRegExp(pattern)).toBeInstanceOf(RegExp)
})

test.each(['eth[', '(eth', '*', '(?U)a+', '\\Qeth0\\E', '\\C'])('%s is refused', (pattern) => {
  expect(() => parseGoRegExp(pattern)).toThrow(SyntaxError)
})
