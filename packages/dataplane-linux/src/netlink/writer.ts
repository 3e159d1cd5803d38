import { ATTRIBUTE_HEADER_LENGTH, HEADER_LENGTH, NLA_F_NESTED } from './constants.js'
import { writeAddress, writeMac } from './text.js'

const align = (length: number): number => (length + 3) & ~3

/**
 * Writes netlink messages one behind the other into one buffer that is used again and again, since allocation is
 * what a batch of tens of thousands would otherwise spend its time on.
 *
 * Netlink speaks the host's byte order; every CPU that the `netlink` package has a binary for is little-endian.
 */
export class MessageWriter {
  #buffer: Buffer
  #length = 0
  #start = 0

  /** @param size bytes to begin with; the buffer grows where it must. */
  constructor(size = 4096) {
    this.#buffer = Buffer.alloc(size)
  }

  /** Bytes written since the last `reset`. */
  get length(): number {
    return this.#length
  }

  /** The messages written since the last `reset`: a view that the next `reset` makes stale. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  reset(): void {
    this.#length = 0
  }

  /** Begins a message. Its port is left 0: the kernel fills in the sender's. */
  begin(type: number, flags: number, sequence: number): void {
    this.#start = this.#length
    const at = this.#grow(HEADER_LENGTH)
    this.#buffer.writeUInt16LE(type, at + 4)
    this.#buffer.writeUInt16LE(flags, at + 6)
    this.#buffer.writeUInt32LE(sequence >>> 0, at + 8)
    this.#buffer.writeUInt32LE(0, at + 12)
  }

  /** Ends the message: its length is known now. */
  end(): void {
    this.#buffer.writeUInt32LE(this.#length - this.#start, this.#start)
  }

  /** Takes back the message that was begun and not ended. */
  abandon(): void {
    this.#length = this.#start
  }

  u8(value: number): void {
    const at = this.#growExact(1)
    this.#buffer[at] = value
  }

  u16(value: number): void {
    const at = this.#growExact(2)
    this.#buffer.writeUInt16LE(value, at)
  }

  u32(value: number): void {
    const at = this.#growExact(4)
    this.#buffer.writeUInt32LE(value >>> 0, at)
  }

  /** An attribute without a value. */
  flag(type: number): void {
    this.#attribute(type, 0)
  }

  attributeU8(type: number, value: number): void {
    const at = this.#attribute(type, 1)
    this.#buffer[at] = value
  }

  /** Network byte order, as ports are. */
  attributeU16BE(type: number, value: number): void {
    const at = this.#attribute(type, 2)
    this.#buffer.writeUInt16BE(value, at)
  }

  attributeU32(type: number, value: number): void {
    const at = this.#attribute(type, 4)
    this.#buffer.writeUInt32LE(value >>> 0, at)
  }

  /** A string and its closing NUL. */
  attributeText(type: number, text: string): void {
    const length = Buffer.byteLength(text)
    const at = this.#attribute(type, length + 1)
    this.#buffer.write(text, at, 'utf8')
    this.#buffer[at + length] = 0
  }

  /** An IPv4 or IPv6 address, 4 or 16 bytes. */
  attributeAddress(type: number, address: string): void {
    const length = address.includes(':') ? 16 : 4
    const at = this.#attribute(type, length)
    writeAddress(this.#buffer, at, address)
  }

  /** `struct rtvia`: an address family, then an address of it. */
  attributeVia(type: number, family: number, address: string): void {
    const at = this.#attribute(type, address.includes(':') ? 18 : 6)
    this.#buffer.writeUInt16LE(family, at)
    writeAddress(this.#buffer, at + 2, address)
  }

  attributeMac(type: number, address: string): void {
    const at = this.#attribute(type, 6)
    writeMac(this.#buffer, at, address)
  }

  /** Begins a nested attribute; hand what this returns to `endNest`. */
  beginNest(type: number): number {
    return this.#attribute(type | NLA_F_NESTED, 0) - ATTRIBUTE_HEADER_LENGTH
  }

  endNest(start: number): void {
    this.#buffer.writeUInt16LE(this.#length - start, start)
  }

  /** Writes an attribute's header, makes room for its value and the padding, and says where the value goes. */
  #attribute(type: number, length: number): number {
    const at = this.#grow(ATTRIBUTE_HEADER_LENGTH + length)
    this.#buffer.writeUInt16LE(ATTRIBUTE_HEADER_LENGTH + length, at)
    this.#buffer.writeUInt16LE(type, at + 2)
    return at + ATTRIBUTE_HEADER_LENGTH
  }

  // Growing may put another buffer in the place of this one, so it must come before the buffer is looked at.

  /** Takes `length` bytes, padded to four with zeros. */
  #grow(length: number): number {
    const padded = align(length)
    const at = this.#growExact(padded)
    if (padded !== length) this.#buffer.fill(0, at + length, at + padded)
    return at
  }

  #growExact(length: number): number {
    const at = this.#length
    if (at + length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(this.#buffer.length * 2, at + length))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
    }
    this.#length = at + length
    return at
  }
}
