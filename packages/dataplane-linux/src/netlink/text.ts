import { isUtf8 } from 'node:buffer'

/** RFC 3629: a character takes up to so many bytes. */
const MAX_CHARACTER_BYTES = 4

/**
 * Bytes of the kernel's as text, each that is no UTF-8 as `\xff`: names of links are bytes, and two that differ must not
 * become one.
 */
export function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes.subarray(at, at + MAX_CHARACTER_BYTES))
    text +=
      length > 0
        ? bytes.toString('utf8', at, at + length)
        : `\\x${bytes.readUInt8(at).toString(16).padStart(2, '0')}`
    at += Math.max(1, length)
  }
  return text
}

/** Of the character that begins the bytes; 0 if none does. */
function characterLength(bytes: Buffer): number {
  for (let length = 1; length <= bytes.length; length += 1)
    if (isUtf8(bytes.subarray(0, length))) return length
  return 0
}
