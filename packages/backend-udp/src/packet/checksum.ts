/*
 * The Internet checksum (RFC 1071) of bytes in a DataView. Words are read and written little-endian: the sum does not
 * depend on the byte order as long as both agree, and this one needs no swapping on the machines that Node.js runs on.
 */

/** The folded sum of `length` bytes, at most 65535, added to another folded sum. */
export function addBytes(view: DataView, offset: number, length: number, sum = 0): number {
  const end = offset + length
  let at = offset
  let total = sum
  // Stays below 2³¹ for 64 KiB, so that V8 keeps it an integer.
  for (const last = end - 15; at < last; at += 16) {
    const one = view.getUint32(at, true)
    const two = view.getUint32(at + 4, true)
    const three = view.getUint32(at + 8, true)
    const four = view.getUint32(at + 12, true)
    total += (one & 0xffff) + (one >>> 16) + (two & 0xffff) + (two >>> 16)
    total += (three & 0xffff) + (three >>> 16) + (four & 0xffff) + (four >>> 16)
  }
  for (const last = end - 3; at < last; at += 4) {
    const word = view.getUint32(at, true)
    total += (word & 0xffff) + (word >>> 16)
  }
  if (end - at >= 2) {
    total += view.getUint16(at, true)
    at += 2
  }
  if (at < end) total += view.getUint8(at)
  return fold(total)
}

/** The sum of one 16-bit field in network byte order. */
export const addField = (value: number, sum: number): number =>
  fold(sum + ((value & 0xff) << 8) + ((value >>> 8) & 0xff))

/** Writes the checksum that belongs to a sum. */
export function writeChecksum(view: DataView, offset: number, sum: number): void {
  view.setUint16(offset, ~sum & 0xffff, true)
}

/** Writes a sum as it is, for others to add to: what Linux calls a partial checksum. */
export function writeSum(view: DataView, offset: number, sum: number): void {
  view.setUint16(offset, sum, true)
}

/** Whether bytes that contain their own checksum add up. */
export const isCorrect = (sum: number): boolean => sum === 0xffff

function fold(total: number): number {
  let sum = total
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}
