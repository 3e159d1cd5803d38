import { printable } from '@selvedge/core/kit'

/** Go's names for classes of ASCII characters, inside brackets. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  word: '\\w',
  xdigit: '0-9A-Fa-f',
}

/** What differs between the two syntaxes; the rest is the same, or RegExp refuses it. */
const REWRITES: readonly [RegExp, (...groups: string[]) => string][] = [
  [/\(\?P</g, () => '(?<'],
  [/\[:(\w+):\]/g, (whole, name = '') => CLASSES[name] ?? whole],
  // Go allows a backslash before any punctuation, JavaScript only before syntax characters.
  [/\\([!"#%&',:;<=>@_`~-])/g, (_, mark = '') => (mark === '-' ? '\\x2d' : mark)],
  [/\\A/g, () => '^'],
  [/\\z/g, () => '$'],
]

/** In characters. */
const MAX_LENGTH = 4_096

/** How large an expression may be with its counts carried out. V8 does that, and ends the process if memory is short. */
const MAX_SIZE = 10_000

/**
 * A regular expression as Go's `regexp` reads it, such as flanneld's `-iface-regex`: `(?i)^eth\d+$`. Throws a SyntaxError
 * if it is not valid, is too large, or JavaScript has no equivalent.
 */
export function parseGoRegExp(text: string): RegExp {
  if (text.length > MAX_LENGTH) throw new SyntaxError(`it is longer than ${MAX_LENGTH} characters`)
  const [, modifiers = ''] = /^\(\?([ims]+)\)/.exec(text) ?? []
  const body = modifiers === '' ? text : text.slice(modifiers.length + 3)
  const source = REWRITES.reduce((rewritten, [pattern, by]) => rewritten.replace(pattern, by), body)
  if (sizeOf(source) > MAX_SIZE) throw new SyntaxError('its counts, such as {1,9}, multiply to too much')
  try {
    return new RegExp(source, `u${[...new Set(modifiers)].join('')}`)
  } catch (error) {
    // Its message quotes the expression, which may be of any characters and length.
    throw new SyntaxError(printable(error instanceof Error ? error.message : String(error)))
  }
}

const COUNT = /\{(\d+)(?:,(\d*))?\}/y

/** How many characters, classes and groups there are to match once every count is written out; about. */
function sizeOf(source: string): number {
  /** Of what comes before each group that is open. */
  const before: number[] = []
  let size = 0
  let last = 0
  for (let at = 0; at < source.length; at += 1) {
    COUNT.lastIndex = at
    const [count, min = '', max = ''] = COUNT.exec(source) ?? []
    if (count !== undefined) {
      const times = Math.max(Number(min), Number(max), 1)
      size += last * (times - 1)
      last *= times
      at += count.length - 1
    } else if (source[at] === '(') {
      before.push(size)
      size = 0
    } else if (source[at] === ')') {
      last = size + 1
      size = (before.pop() ?? 0) + last
    } else {
      at = endOfAtom(source, at)
      last = 1
      size += 1
    }
  }
  return before.reduce((sum, part) => sum + part, size)
}

/** The index of the last character of an escape, a class or a single character. */
function endOfAtom(source: string, start: number): number {
  if (source[start] === '\\') return start + 1
  if (source[start] !== '[') return start
  let at = start + 1
  while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1
  return at
}
