/**
 * Addresses between text and bytes, written without allocating: a batch of 20,000 peers has 120,000 of them.
 */

const DOT = 46
const COLON = 58
const ZERO = 48

/**
 * Writes an IPv4 or IPv6 address into `buffer` at `offset` and returns how many bytes it took: 4 or 16. Throws a
 * TypeError for anything else. IPv4 means four decimal parts, no other notation.
 */
export function writeAddress(buffer: Buffer, offset: number, text: string): 4 | 16 {
  if (!text.includes(':')) {
    writeIPv4(buffer, offset, text, 0)
    return 4
  }
  writeIPv6(buffer, offset, text)
  return 16
}

/** Writes a MAC address of six parts, such as `c6:d2:32:6f:8f:44`. Throws a TypeError for anything else. */
export function writeMac(buffer: Buffer, offset: number, text: string): void {
  if (text.length !== 17) throw new TypeError(`'${text}' is not a MAC address`)
  for (let part = 0; part < 6; part += 1) {
    const at = part * 3
    const value = (hexDigit(text.charCodeAt(at)) << 4) | hexDigit(text.charCodeAt(at + 1))
    if (value < 0 || (part < 5 && text.charCodeAt(at + 2) !== COLON)) {
      throw new TypeError(`'${text}' is not a MAC address`)
    }
    buffer[offset + part] = value
  }
}

/** Reads an address of 4 or 16 bytes as RFC 5952 text. */
export function readAddress(buffer: Buffer, offset: number, length: 4 | 16): string {
  if (length === 4) {
    return `${buffer[offset]}.${buffer[offset + 1]}.${buffer[offset + 2]}.${buffer[offset + 3]}`
  }
  // RFC 5952, 4.2: the longest run of at least two zero groups is shortened, the first of equals.
  let runStart = -1
  let runLength = 1
  for (let group = 0; group < 8; group += 1) {
    let end = group
    while (end < 8 && buffer[offset + end * 2] === 0 && buffer[offset + end * 2 + 1] === 0) end += 1
    if (end - group > runLength) {
      runStart = group
      runLength = end - group
    }
    group = Math.max(group, end - 1)
  }
  let text = ''
  for (let group = 0; group < 8; group += 1) {
    if (group === runStart) {
      text += '::'
      group += runLength - 1
      continue
    }
    if (group > 0 && !text.endsWith(':')) text += ':'
    text += buffer.readUInt16BE(offset + group * 2).toString(16)
  }
  return text
}

const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
)

/** Reads a link-layer address of any length as lower-case hexadecimal bytes with colons between. */
export function readHardwareAddress(buffer: Buffer, offset: number, length: number): string {
  let text = ''
  for (let index = 0; index < length; index += 1) {
    if (index > 0) text += ':'
    text += HEX_BYTES[buffer[offset + index] ?? 0]
  }
  return text
}

function writeIPv4(buffer: Buffer, offset: number, text: string, start: number): void {
  let part = 0
  let value = 0
  let digits = 0
  for (let index = start; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code === DOT) {
      if (digits === 0 || part === 3) throw noAddress(text)
      buffer[offset + part] = value
      part += 1
      value = 0
      digits = 0
      continue
    }
    const digit = code - ZERO
    if (digit < 0 || digit > 9 || (digits > 0 && value === 0)) throw noAddress(text)
    value = value * 10 + digit
    digits += 1
    if (value > 255) throw noAddress(text)
  }
  if (part !== 3 || digits === 0) throw noAddress(text)
  buffer[offset + 3] = value
}

function writeIPv6(buffer: Buffer, offset: number, text: string): void {
  let group = 0
  /** Which group `::` stood before, or -1. */
  let gap = -1
  let index = 0
  if (text.startsWith('::')) {
    gap = 0
    index = 2
  }
  while (index < text.length) {
    if (group === 8) throw noAddress(text)
    let end = index
    let value = 0
    for (; end < text.length; end += 1) {
      const digit = hexDigit(text.charCodeAt(end))
      if (digit < 0) break
      value = (value << 4) | digit
    }
    if (end < text.length && text.charCodeAt(end) === DOT) {
      // The last 32 bits in dotted form, as in ::ffff:10.0.0.1.
      if (group > 6) throw noAddress(text)
      writeIPv4(buffer, offset + group * 2, text, index)
      group += 2
      index = text.length
      break
    }
    if (end === index || end - index > 4) throw noAddress(text)
    buffer.writeUInt16BE(value, offset + group * 2)
    group += 1
    index = end
    if (index === text.length) break
    if (text.charCodeAt(index) !== COLON) throw noAddress(text)
    index += 1
    if (text.charCodeAt(index) === COLON) {
      if (gap >= 0) throw noAddress(text)
      gap = group
      index += 1
    } else if (index === text.length) throw noAddress(text)
  }
  if (gap < 0 ? group !== 8 : group > 7) throw noAddress(text)
  if (gap >= 0) {
    const moved = (group - gap) * 2
    buffer.copyWithin(offset + 16 - moved, offset + gap * 2, offset + group * 2)
    buffer.fill(0, offset + gap * 2, offset + 16 - moved)
  }
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

const noAddress = (text: string): TypeError => new TypeError(`'${text}' is not an IP address`)
