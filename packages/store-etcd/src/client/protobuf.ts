/**
 * The encoding of Protocol Buffers, as far as etcd's messages need it: varints and length-delimited fields
 * (https://protobuf.dev/programming-guides/encoding). Numbers of 64 bits are decimal text, since a double holds 53.
 */

/** The wire types, of the encoding's own numbering. */
const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

const EMPTY = Buffer.alloc(0)

/** Writes one message. A field with its default value is left out, as proto3 has it, unless its writer says otherwise. */
export class MessageWriter {
  readonly #parts: Buffer[] = []

  bytes(field: number, value: Buffer | undefined): this {
    return value === undefined || value.length === 0 ? this : this.message(field, value)
  }

  /** A message within this one: present, even where it is empty. */
  message(field: number, value: Buffer): this {
    this.#parts.push(
      encodeVarint(BigInt(field * 8 + LENGTH_DELIMITED)),
      encodeVarint(BigInt(value.length)),
      value,
    )
    return this
  }

  int64(field: number, value: string | number | undefined): this {
    return value === undefined || BigInt(value) === 0n ? this : this.int64InUnion(field, value)
  }

  /** One of a union's fields: present, even where it is 0. */
  int64InUnion(field: number, value: string | number): this {
    this.#parts.push(
      encodeVarint(BigInt(field * 8 + VARINT)),
      encodeVarint(BigInt.asUintN(64, BigInt(value))),
    )
    return this
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

function encodeVarint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}

/**
 * Reads one message, field by field:
 *
 *     while (reader.next()) if (reader.field === 1) name = reader.bytes().toString()
 *
 * A field that is not read is skipped. Throws a RangeError for a message that ends too early or is none.
 */
export class MessageReader {
  /** The number of the field that `next` found. */
  field = 0
  readonly #buffer: Buffer
  readonly #end: number
  #at: number
  #type = VARINT
  /** True while the value of the current field has not been read. */
  #pending = false

  /** @param start,end the part of `buffer` that is the message; all of it by default */
  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.#buffer = buffer
    this.#at = start
    this.#end = end
  }

  /** False at the end of the message. */
  next(): boolean {
    if (this.#pending) this.#skip()
    if (this.#at === this.#end) return false
    const tag = this.#varint()
    this.field = tag >>> 3
    this.#type = tag & 7
    this.#pending = true
    return true
  }

  /** A view into what is read, not a copy. */
  bytes(): Buffer {
    const [start, end] = this.#range()
    return start === end ? EMPTY : this.#buffer.subarray(start, end)
  }

  text(): string {
    const [start, end] = this.#range()
    return this.#buffer.toString('utf8', start, end)
  }

  message(): MessageReader {
    const [start, end] = this.#range()
    return new MessageReader(this.#buffer, start, end)
  }

  /** A boolean or an enumeration. */
  uint32(): number {
    this.#expect(VARINT)
    return this.#varint() >>> 0
  }

  int64(): string {
    this.#expect(VARINT)
    const value = this.#varint()
    return Number.isSafeInteger(value) ? String(value) : String(BigInt.asIntN(64, this.#longVarint()))
  }

  uint64(): string {
    this.#expect(VARINT)
    const value = this.#varint()
    return Number.isSafeInteger(value) ? String(value) : String(this.#longVarint())
  }

  #expect(type: number): void {
    if (!this.#pending || this.#type !== type) {
      throw new RangeError(`field ${this.field} of a message has wire type ${this.#type}, not ${type}`)
    }
    this.#pending = false
  }

  /** Start and end of a length-delimited field. */
  #range(): readonly [number, number] {
    this.#expect(LENGTH_DELIMITED)
    const length = this.#varint()
    const start = this.#at
    this.#advance(length)
    return [start, this.#at]
  }

  #skip(): void {
    this.#pending = false
    switch (this.#type) {
      case VARINT:
        this.#varint()
        return
      case LENGTH_DELIMITED:
        this.#advance(this.#varint())
        return
      case FIXED64:
        this.#advance(8)
        return
      case FIXED32:
        this.#advance(4)
        return
      default:
        throw new RangeError(
          `field ${this.field} of a message has wire type ${this.#type}, which there is not`,
        )
    }
  }

  #advance(length: number): void {
    if (!(length <= this.#end - this.#at)) throw tooShort()
    this.#at += length
  }

  /** Exact up to 2^53, and no safe integer above; `#longVarint` reads the same one again, exactly. */
  #varint(): number {
    let value = 0
    for (let factor = 1; ; factor *= 0x80) {
      if (this.#at >= this.#end) throw tooShort()
      const byte = this.#buffer[this.#at] as number
      this.#at += 1
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      // A varint has ten bytes at most.
      if (factor > 2 ** 56) throw new RangeError('a number in a message has more than 64 bits')
    }
  }

  /** The varint that ends where the reader is. */
  #longVarint(): bigint {
    let at = this.#at - 1
    let value = BigInt(this.#buffer[at] as number)
    for (at -= 1; at >= 0 && (this.#buffer[at] as number) >= 0x80; at -= 1) {
      value = (value << 7n) | BigInt((this.#buffer[at] as number) & 0x7f)
    }
    return value
  }
}

const tooShort = () => new RangeError('a message ends in the middle of a field')
