import { readAddress, readHardwareAddress } from './address-codec.js'
import {
  AF_INET,
  AF_INET6,
  ATTRIBUTE_HEADER_LENGTH,
  HEADER_LENGTH,
  NLA_TYPE_MASK,
  SOCKADDR_IN_LENGTH,
  SOCKADDR_IN6_LENGTH,
} from './constants.js'
import { malformed } from './errors.js'
import { textOf } from './text.js'

const align = (length: number): number => (length + 3) & ~3

/** Steps through the messages of one datagram. The fields describe the message that `next` moved to. */
export class MessageReader {
  /** The datagram. */
  readonly buffer: Buffer
  /** nlmsg_type: NLMSG_* or one of the protocol's. */
  type = 0
  /** nlmsg_flags: NLM_F_*. */
  flags = 0
  /** nlmsg_seq: that of the request it answers; 0 in a notification of what the kernel did by itself. */
  sequence = 0
  /** The port of the socket whose request caused this message; 0 if the kernel acted by itself. */
  port = 0
  /** Where the body begins and ends in `buffer`. */
  start = 0
  /** The offset behind the body's last byte. */
  end = 0
  #next = 0

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  /** Moves to the next message; false at the end. Throws a NetlinkError (`malformed`) if the bytes are no message. */
  next(): boolean {
    const at = this.#next
    const left = this.buffer.length - at
    if (left <= 0) return false
    if (left < HEADER_LENGTH) throw malformed(`${left} bytes instead of a message header of ${HEADER_LENGTH}`)
    const length = this.buffer.readUInt32LE(at)
    if (length < HEADER_LENGTH || length > left) throw malformed(`a message of ${length} bytes in ${left}`)
    this.type = this.buffer.readUInt16LE(at + 4)
    this.flags = this.buffer.readUInt16LE(at + 6)
    this.sequence = this.buffer.readUInt32LE(at + 8)
    this.port = this.buffer.readUInt32LE(at + 12)
    this.start = at + HEADER_LENGTH
    this.end = at + length
    this.#next = at + align(length)
    return true
  }

  /** The message that `next` moved to, header and all: a view of the buffer. */
  bytes(): Buffer {
    return this.buffer.subarray(this.start - HEADER_LENGTH, this.end)
  }

  /** The attributes behind a fixed header of `length` bytes. Throws a NetlinkError (`malformed`) if the body is shorter. */
  attributesAfter(length: number): AttributeReader {
    if (this.end - this.start < length) {
      throw malformed(
        `message type ${this.type} of ${this.end - this.start} bytes instead of at least ${length}`,
      )
    }
    return new AttributeReader(this.buffer, this.start + align(length), this.end)
  }
}

/**
 * Steps through attributes. The fields describe the attribute that `next` moved to. What reads its value throws a
 * NetlinkError (`malformed`) if that is too short, or not what is read.
 */
export class AttributeReader {
  /** What is read. */
  readonly buffer: Buffer
  /** The attribute's type, without the nested and byte order bits. */
  type = 0
  /** Where the value begins, and its length in bytes. */
  start = 0
  /** In bytes. */
  length = 0
  readonly #end: number
  #next: number

  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer
    this.#next = start
    this.#end = end
  }

  /** Moves to the next attribute; false at the end. Throws a NetlinkError (`malformed`) if the bytes are none. */
  next(): boolean {
    const at = this.#next
    const left = this.#end - at
    if (left <= 0) return false
    if (left < ATTRIBUTE_HEADER_LENGTH) throw malformed(`${left} bytes instead of an attribute header of 4`)
    const length = this.buffer.readUInt16LE(at)
    if (length < ATTRIBUTE_HEADER_LENGTH || length > left) {
      throw malformed(`an attribute of ${length} bytes in ${left}`)
    }
    this.type = this.buffer.readUInt16LE(at + 2) & NLA_TYPE_MASK
    this.start = at + ATTRIBUTE_HEADER_LENGTH
    this.length = length - ATTRIBUTE_HEADER_LENGTH
    this.#next = at + align(length)
    return true
  }

  /** 8 bits. */
  u8(): number {
    this.#atLeast(1)
    return this.buffer.readUInt8(this.start)
  }

  /** 16 bits in the host's byte order. */
  u16(): number {
    this.#atLeast(2)
    return this.buffer.readUInt16LE(this.start)
  }

  /** 16 bits in network byte order, as ports are. */
  u16BE(): number {
    this.#atLeast(2)
    return this.buffer.readUInt16BE(this.start)
  }

  /** 32 bits in the host's byte order. */
  u32(): number {
    this.#atLeast(4)
    return this.buffer.readUInt32LE(this.start)
  }

  /** 64 bits with a sign, such as seconds. Loses precision above 2^53. */
  i64(): number {
    this.#atLeast(8)
    return Number(this.buffer.readBigInt64LE(this.start))
  }

  /** A string up to its NUL, or to the end if there is none; bytes that are no UTF-8 as `\xff`. */
  text(): string {
    const value = this.buffer.subarray(this.start, this.start + this.length)
    const nul = value.indexOf(0)
    return textOf(nul < 0 ? value : value.subarray(0, nul))
  }

  /** 32 bits in network byte order, as keys of tunnels are. */
  u32BE(): number {
    this.#atLeast(4)
    return this.buffer.readUInt32BE(this.start)
  }

  /** An IPv4 or IPv6 address as text. */
  address(): string {
    const { length } = this
    if (length !== 4 && length !== 16)
      throw malformed(`an address of ${length} bytes in attribute ${this.type}`)
    return readAddress(this.buffer, this.start, length)
  }

  /** `struct sockaddr_in` or `struct sockaddr_in6`. */
  socketAddress(): { readonly address: string; readonly port: number } {
    const family = this.u16()
    if (family !== AF_INET && family !== AF_INET6) throw malformed(`a socket address of family ${family}`)
    const isIpv6 = family === AF_INET6
    this.#atLeast(isIpv6 ? SOCKADDR_IN6_LENGTH : SOCKADDR_IN_LENGTH)
    const address = readAddress(this.buffer, this.start + (isIpv6 ? 8 : 4), isIpv6 ? 16 : 4)
    return { address, port: this.buffer.readUInt16BE(this.start + 2) }
  }

  /** A MAC as text, in lower case with colons. */
  hardwareAddress(): string {
    return readHardwareAddress(this.buffer, this.start, this.length)
  }

  /** A copy of the value. */
  bytes(): Buffer {
    return Buffer.from(this.buffer.subarray(this.start, this.start + this.length))
  }

  /** The attributes inside this one. */
  nested(): AttributeReader {
    return this.within(this.start, this.start + this.length)
  }

  /** The attributes between two offsets of the buffer. */
  within(start: number, end: number): AttributeReader {
    return new AttributeReader(this.buffer, start, end)
  }

  #atLeast(length: number): void {
    if (this.length < length) {
      throw malformed(`attribute ${this.type} of ${this.length} bytes instead of at least ${length}`)
    }
  }
}
