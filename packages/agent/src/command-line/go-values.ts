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

/** One part of a duration. No text matches it in two ways, so that a long one takes no longer than its length. */
const PART = /(\d*)(\.\d*)?(ns|us|µs|μs|ms|s|m|h)/y

/** Go counts nanoseconds in 63 bits. */
const MAX_DURATION_MS = 2 ** 63 / 1e6

/** `1h30m`, `1.5s`, `300ms`, `0`: in milliseconds. */
export function parseGoDuration(text: string): number {
  const unsigned = /^[+-]/.test(text) ? text.slice(1) : text
  const milliseconds = unsigned === '0' ? 0 : sumOfParts(unsigned)
  if (milliseconds === undefined) throw new SyntaxError('it must be a duration such as 90s or 1h30m')
  if (milliseconds >= MAX_DURATION_MS) throw new SyntaxError('it is out of range')
  return text.startsWith('-') && milliseconds !== 0 ? -milliseconds : milliseconds
}

/** Undefined if the text is anything but parts. */
function sumOfParts(text: string): number | undefined {
  let milliseconds = 0
  PART.lastIndex = 0
  do {
    const [, whole = '', fraction = '', unit = ''] = PART.exec(text) ?? []
    if (whole === '' && fraction.length < 2) return undefined
    milliseconds += Number(`${whole}${fraction}`) * (UNITS[unit] ?? 0)
  } while (PART.lastIndex < text.length)
  return milliseconds
}
