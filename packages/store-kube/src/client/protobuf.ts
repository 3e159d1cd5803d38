/** Wire types (protobuf.dev, "Encoding"). Kubernetes does not use groups. */
const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** The bytes are not a protobuf message, or end in the middle of one. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

/** The stream ended before the message did, as when a connection is cut. */
export class TruncatedError extends ProtobufError {}

/** The maximum length of a varint in bytes: 64 bits, 7 to a byte. */
export const MAX_VARINT_LENGTH = 10

/**
 * Steps through the fields of one protobuf message and decodes only those that are asked for, without copying:
 *
 * ```ts
 * const fields = new FieldReader(bytes)
 * while (fields.next()) if (fields.number === 1) name = fields.text()
 * ```
 */
export class FieldReader {
  readonly bytes: Buffer
  /** The current field's number. */
  number = 0
  /** Where the current field's value begins, after its length if it has one. */
  start = 0
  /** Where the current field ends, and the next one begins. */
  end: number
  readonly #limit: number

  constructor(bytes: Buffer, start = 0, limit = bytes.length) {
    this.bytes = bytes
    this.end = start
    this.#limit = limit
  }

  /** Moves to the next field; false if there is none. Throws a ProtobufError if the bytes are not a message. */
  next(): boolean {
    if (this.end >= this.#limit) return false
    const tag = this.readVarint()
    this.number = Math.floor(tag / 8)
    const length = this.#lengthOf(tag % 8)
    this.start = this.end
    this.end += length
    if (this.end > this.#limit) throw new ProtobufError(`field ${this.number} is cut short`)
    return true
  }

  /** The current field as text. */
  text(): string {
    return this.bytes.toString('utf8', this.start, this.end)
  }

  /** The current field as a message. */
  message(): FieldReader {
    return new FieldReader(this.bytes, this.start, this.end)
  }

  /** The current field, which is a varint, as a number. */
  varint(): number {
    return new FieldReader(this.bytes, this.start, this.end).readVarint()
  }

  /** True if the current field's bytes begin with these. */
  startsWith(prefix: Buffer): boolean {
    return (
      this.end - this.start >= prefix.length &&
      this.bytes.compare(prefix, 0, prefix.length, this.start, this.start + prefix.length) === 0
    )
  }

  /**
   * Reads a varint outside of any field, such as a length, and moves past it. Above 2^53, which no length or code
   * reaches, the value is not exact. Throws a ProtobufError if it does not end.
   */
  readVarint(): number {
    let byte = this.#byte()
    let value = byte & 0x7f
    for (let scale = 0x80, length = 1; byte >= 0x80; scale *= 0x80, length += 1) {
      if (length === MAX_VARINT_LENGTH) throw new ProtobufError('a number does not end')
      byte = this.#byte()
      value += (byte & 0x7f) * scale
    }
    return value
  }

  #byte(): number {
    const byte = this.end < this.#limit ? this.bytes[this.end] : undefined
    if (byte === undefined) throw new ProtobufError('a number does not end')
    this.end += 1
    return byte
  }

  /** The length of the value that begins here. */
  #lengthOf(wireType: number): number {
    switch (wireType) {
      case LENGTH_DELIMITED:
        return this.readVarint()
      case VARINT:
        return this.#varintLength()
      case FIXED64:
        return 8
      case FIXED32:
        return 4
      default:
        throw new ProtobufError(`field ${this.number} has the wire type ${wireType}`)
    }
  }

  #varintLength(): number {
    const start = this.end
    this.readVarint()
    const length = this.end - start
    this.end = start
    return length
  }
}
