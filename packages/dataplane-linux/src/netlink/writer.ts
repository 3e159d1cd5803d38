import { writeAddress, writeMac } from './address-codec.js'
import {
  AF_INET,
  AF_INET6,
  ATTRIBUTE_HEADER_LENGTH,
  HEADER_LENGTH,
  NLA_F_NESTED,
  SOCKADDR_IN_LENGTH,
  SOCKADDR_IN6_LENGTH,
} from './constants.js'

const viewOf = ({ buffer, byteOffset, byteLength }: Buffer): DataView =>
  new DataView(buffer, byteOffset, byteLength)

const MAX_ATTRIBUTE_LENGTH = 0xffff

const align = (length: number): number => (length + 3) & ~3

/** Writes attributes. Each method throws a RangeError if a value is too long. */
export interface AttributeWriter {
  /** An attribute without a value. */
  flag(type: number): void
  /** 8 bits. */
  attributeU8(type: number, value: number): void
  /** 16 bits in the host's byte order. */
  attributeU16(type: number, value: number): void
  /** In network byte order, as ports are. */
  attributeU16BE(type: number, value: number): void
  /** 32 bits in the host's byte order. */
  attributeU32(type: number, value: number): void
  /** In network byte order, as keys of tunnels are. */
  attributeU32BE(type: number, value: number): void
  /** A string and its closing NUL. */
  attributeText(type: number, text: string): void
  /** Bytes as they are, such as those of a key. */
  attributeBytes(type: number, bytes: Uint8Array): void
  /** An IPv4 or IPv6 address, 4 or 16 bytes. Throws a TypeError for anything else. */
  attributeAddress(type: number, address: string): void
}

/**
 * Writes netlink messages one after the other into a buffer that is reused: otherwise a batch of tens of thousands
 * spends its time allocating.
 *
 * Netlink uses the host's byte order; every CPU that the `netlink` package has a binary for is little-endian.
 */
export class MessageWriter implements AttributeWriter {
  #buffer: Buffer
  /** The same bytes: DataView's setters are fast from the first call, Buffer's only once they are compiled. */
  #view: DataView
  #length = 0
  #start = 0

  /** @param size initial size in bytes; the buffer grows as needed */
  constructor(size = 4096) {
    this.#buffer = Buffer.alloc(size)
    this.#view = viewOf(this.#buffer)
  }

  /** Bytes written since the last `reset`. */
  get length(): number {
    return this.#length
  }

  /** The messages written since the last `reset`: a view that is valid until the next `reset`. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Begins anew: the next message is the first. */
  reset(): void {
    this.#length = 0
  }

  /**
   * Begins a message.
   *
   * @param port the sender's, for the notifications of NETLINK_XFRM, which repeats what the message says; other families
   *   fill it in
   */
  begin(type: number, flags: number, sequence: number, port = 0): void {
    this.#start = this.#length
    const at = this.#grow(HEADER_LENGTH)
    this.#view.setUint16(at + 4, type, true)
    this.#view.setUint16(at + 6, flags, true)
    this.#view.setUint32(at + 8, sequence >>> 0, true)
    this.#view.setUint32(at + 12, port, true)
  }

  /** Ends the message, and fills in its length. */
  end(): void {
    this.#view.setUint32(this.#start, this.#length - this.#start, true)
  }

  /** Removes the message that was begun and not ended. */
  abandon(): void {
    this.#length = this.#start
  }

  /** 8 bits, without padding: for the fields of a fixed header. */
  u8(value: number): void {
    const at = this.#growExact(1)
    this.#buffer[at] = value
  }

  /** 16 bits in the host's byte order, without padding. */
  u16(value: number): void {
    const at = this.#growExact(2)
    this.#view.setUint16(at, value, true)
  }

  /** 32 bits in the host's byte order, without padding. */
  u32(value: number): void {
    const at = this.#growExact(4)
    this.#view.setUint32(at, value >>> 0, true)
  }

  flag(type: number): void {
    this.#attribute(type, 0)
  }

  attributeU8(type: number, value: number): void {
    const at = this.#attribute(type, 1)
    this.#buffer[at] = value
  }

  attributeU16(type: number, value: number): void {
    const at = this.#attribute(type, 2)
    this.#view.setUint16(at, value, true)
  }

  attributeU16BE(type: number, value: number): void {
    const at = this.#attribute(type, 2)
    this.#view.setUint16(at, value)
  }

  attributeU32(type: number, value: number): void {
    const at = this.#attribute(type, 4)
    this.#view.setUint32(at, value >>> 0, true)
  }

  attributeU32BE(type: number, value: number): void {
    const at = this.#attribute(type, 4)
    this.#view.setUint32(at, value >>> 0)
  }

  attributeText(type: number, text: string): void {
    const length = Buffer.byteLength(text)
    const at = this.#attribute(type, length + 1)
    this.#buffer.write(text, at, 'utf8')
    this.#buffer[at + length] = 0
  }

  attributeBytes(type: number, bytes: Uint8Array): void {
    const at = this.#attribute(type, bytes.length)
    this.#buffer.set(bytes, at)
  }

  attributeAddress(type: number, address: string): void {
    const length = address.includes(':') ? 16 : 4
    const at = this.#attribute(type, length)
    writeAddress(this.#buffer, at, address)
  }

  /** `struct sockaddr_in` or `struct sockaddr_in6`. Throws a TypeError for what is no address. */
  attributeSocketAddress(type: number, address: string, port: number): void {
    const isIpv6 = address.includes(':')
    const at = this.#attribute(type, isIpv6 ? SOCKADDR_IN6_LENGTH : SOCKADDR_IN_LENGTH)
    this.#buffer.fill(0, at, this.#length)
    this.#view.setUint16(at, isIpv6 ? AF_INET6 : AF_INET, true)
    this.#view.setUint16(at + 2, port)
    writeAddress(this.#buffer, at + (isIpv6 ? 8 : 4), address)
  }

  /** `struct rtvia`: an address family, then an address of it. */
  attributeVia(type: number, family: number, address: string): void {
    const at = this.#attribute(type, address.includes(':') ? 18 : 6)
    this.#view.setUint16(at, family, true)
    writeAddress(this.#buffer, at + 2, address)
  }

  /** A MAC, 6 bytes. */
  attributeMac(type: number, address: string): void {
    const at = this.#attribute(type, 6)
    writeMac(this.#buffer, at, address)
  }

  /** Begins a nested attribute; pass the result to `endNest`. */
  beginNest(type: number): number {
    return this.#attribute(type | NLA_F_NESTED, 0) - ATTRIBUTE_HEADER_LENGTH
  }

  /** Ends the nested attribute that was begun last, and fills in its length. */
  endNest(start: number): void {
    this.#checkLength(this.#length - start)
    this.#view.setUint16(start, this.#length - start, true)
  }

  /** An attribute stores its length in 16 bits. */
  #checkLength(length: number): void {
    if (length > MAX_ATTRIBUTE_LENGTH)
      throw new RangeError(`an attribute of ${length} bytes is longer than ${MAX_ATTRIBUTE_LENGTH}`)
  }

  /** Writes an attribute's header, reserves its value and the padding, and returns the value's offset. */
  #attribute(type: number, length: number): number {
    this.#checkLength(ATTRIBUTE_HEADER_LENGTH + length)
    const at = this.#grow(ATTRIBUTE_HEADER_LENGTH + length)
    this.#view.setUint16(at, ATTRIBUTE_HEADER_LENGTH + length, true)
    this.#view.setUint16(at + 2, type, true)
    return at + ATTRIBUTE_HEADER_LENGTH
  }

  // Growing may replace the buffer, so it must come before the buffer is accessed.

  /** Reserves `length` bytes, zero-padded to a multiple of four. */
  #grow(length: number): number {
    const padded = align(length)
    const at = this.#growExact(padded)
    for (let padding = at + length; padding < at + padded; padding += 1) this.#buffer[padding] = 0
    return at
  }

  #growExact(length: number): number {
    const at = this.#length
    if (at + length > this.#buffer.length) {
      const larger = Buffer.alloc(Math.max(this.#buffer.length * 2, at + length))
      this.#buffer.copy(larger, 0, 0, at)
      this.#buffer = larger
      this.#view = viewOf(larger)
    }
    this.#length = at + length
    return at
  }
}
