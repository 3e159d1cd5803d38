import type { Random } from '@selvedge/core'
import { integer, oneOf, weighted } from './draw.js'

/** How far an input may go. */
export interface HostileLimits {
  /** The length of the longest inputs, in characters. Default: 512 KiB. */
  readonly maxLength?: number | undefined
  /** Objects and arrays inside one another, in JSON. Default: 50,000. */
  readonly maxDepth?: number | undefined
}

export const MAX_LENGTH = 512 * 1024
export const MAX_DEPTH = 50_000

/** Text that has broken parsers, terminals and logs before. */
const SNIPPETS: readonly [string, ...string[]] = [
  ' ',
  '\t',
  '\n',
  '\r\n',
  '\u0000',
  '\u001b[2J',
  '\u009b31m',
  '\u202e',
  '\u2028',
  '\ufeff',
  '\ud800',
  'ſ',
  '\u0660',
  '=',
  ',',
  ':',
  ';',
  '-',
  '&',
  '/',
  '.',
  '"',
  "'",
  '\\',
  '\\u0000',
  '{',
  '}',
  '[',
  ']',
  'null',
  'true',
  '0',
  '-1',
  '1e999',
  '0x10',
  '__proto__',
  '127.0.0.1',
  '255.255.255.255',
  '::ffff:10.0.0.1',
  '%s',
]

/** Runs that take a parser with nested loops or a regular expression that backtracks quadratic time. */
const RUNS: readonly [string, ...string[]] = [
  ' ',
  '\t',
  '\n',
  '0',
  '9',
  'a',
  '.',
  ':',
  ',',
  '"',
  '\\',
  '=',
  '-',
  '1.',
  '::',
  'h30',
]

/**
 * Inputs that are one of the samples with a few edits: characters lost, doubled, replaced, odd text inserted, the end
 * cut off, and now and then a run as long as the limit allows.
 */
export function hostileText(
  samples: readonly [string, ...string[]],
  { maxLength = MAX_LENGTH }: HostileLimits = {},
): (random: Random) => string {
  return (random) => {
    let text = oneOf(random, samples)
    for (let edits = integer(random, 3); edits >= 0; edits -= 1) text = edited(text, random, maxLength)
    return text.slice(0, maxLength)
  }
}

function edited(text: string, random: Random, maxLength: number): string {
  const at = integer(random, text.length)
  const until = Math.min(text.length, at + integer(random, 4))
  const [head, middle, tail] = [text.slice(0, at), text.slice(at, until), text.slice(until)]
  return weighted<() => string>(random, [
    [4, () => head + tail],
    [3, () => head + middle + middle + tail],
    [6, () => head + oneOf(random, SNIPPETS) + tail],
    [4, () => head + oneOf(random, SNIPPETS) + middle + tail],
    [2, () => head + String.fromCharCode(integer(random, 0xffff)) + tail],
    [2, () => head],
    [1, () => text + text],
    [1, () => head + swapCase(middle) + tail],
    [1, () => head + oneOf(random, RUNS).repeat(integer(random, 40)) + tail],
    [0.1, () => head + run(random, maxLength - text.length) + tail],
  ])()
}

const swapCase = (text: string): string =>
  text === text.toLowerCase() ? text.toUpperCase() : text.toLowerCase()

/** A run of up to so many characters: small ones too, since the time of an input must not grow faster than it does. */
function run(random: Random, maxLength: number): string {
  const unit = oneOf(random, RUNS)
  return unit.repeat(Math.max(0, Math.floor((maxLength * random() ** 3) / unit.length)))
}
