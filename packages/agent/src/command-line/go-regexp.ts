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

/**
 * A regular expression as Go's `regexp` reads it, such as flanneld's `-iface-regex`: `(?i)^eth\d+$`. Throws a SyntaxError
 * if it is not valid, or JavaScript has no equivalent.
 */
export function parseGoRegExp(text: string): RegExp {
  const [, modifiers = ''] = /^\(\?([ims]+)\)/.exec(text) ?? []
  const body = modifiers === '' ? text : text.slice(modifiers.length + 3)
  const source = REWRITES.reduce((rewritten, [pattern, by]) => rewritten.replace(pattern, by), body)
  return new RegExp(source, `u${[...new Set(modifiers)].join('')}`)
}
