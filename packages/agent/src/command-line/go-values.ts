/**
 * Values as Go's `flag` package reads them (strconv.ParseBool, strconv.ParseInt with base 0, time.ParseDuration): whatever
 * flanneld accepts is accepted here, and nothing else. Each function throws a SyntaxError that says why not.
 */

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True']
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False']

export function parseGoBoolean(text: string): boolean {
  if (TRUE.includes(text)) return true
  if (FALSE.includes(text)) return false
  throw new SyntaxError('it must be true or false')
}

/** A sign, then digits of base 10, or of base 16, 8 or 2 by prefix; underscores may stand between digits. */
const INTEGER = /^[+-]?(?:0x(?:_?[0-9a-f])+|0b(?:_?[01])+|0o(?:_?[0-7])+|0(?:_?[0-7])*|[1-9](?:_?\d)*)$/i

/** Refuses what a JavaScript number cannot hold exactly, which is less than Go's 64 bits and more than any flag needs. */
export function parseGoInteger(text: string): number {
  if (!INTEGER.test(text)) throw new SyntaxError('it must be a whole number')
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '')
  // Go takes a leading zero for octal; JavaScript's Number() takes it for decimal.
  const value = Number(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits)
  if (!Number.isSafeInteger(value)) throw new SyntaxError('it is out of range')
  return text.startsWith('-') && value !== 0 ? -value : value
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

const DURATION = /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g

/** `1h30m`, `1.5s`, `300ms`, `0`: in milliseconds. */
export function parseGoDuration(text: string): number {
  if (!DURATION.test(text)) throw new SyntaxError('it must be a duration such as 90s or 1h30m')
  let milliseconds = 0
  for (const [, amount, unit = ''] of text.matchAll(PART)) milliseconds += Number(amount) * (UNITS[unit] ?? 0)
  return text.startsWith('-') && milliseconds !== 0 ? -milliseconds : milliseconds
}
