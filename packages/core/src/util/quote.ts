/** How much of foreign text a message quotes, in characters. */
const MAX_LENGTH = 200

/**
 * What could change how a terminal shows the rest of a line: control characters of C0 and C1 (ECMA-48), the marks and
 * overrides of bidirectional text (Unicode TR 9), line and paragraph separators, and halves of surrogate pairs.
 */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu

/** Foreign text, safe to print: at most 200 characters of it, with `\u009b` for what could move a terminal. */
export function printable(text: string, maxLength = MAX_LENGTH): string {
  const cut = text.length <= maxLength ? text : `${text.slice(0, maxLength)}…`
  return cut.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A foreign value as JSON, safe to print, for messages: `"x"`, `[1,2]`. */
export function quote(value: unknown): string {
  return printable(JSON.stringify(value) ?? String(value))
}
