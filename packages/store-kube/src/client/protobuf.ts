/** Wire types (protobuf.dev, "Encoding"). Groups are not used by Kubernetes. */
const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

/** The bytes are no protobuf message, or end in the midst of one. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError'
}

/**
 * Steps through the fields of one protobuf message without copying or decoding any but those that are asked for:
 *
 * ```ts
 * const fields = new FieldReader(bytes)
 * while (fields.next()) if (fields.number === 1) name = fields.text()
 * ```
 */
export class FieldReader {
  readonly bytes: Buffer
  /** The field's number. */
  number = 0
  /** Where the field's bytes are; of a number, where it stands in varint form. */
  start = 0
  end = 0
  #position: number
  readonly #limit: number

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes
    this.#position = start
    this.#limit = end
  }

  /** Moves to the next field; false where there is none. Throws a ProtobufError for what is no message. */
  next(): boolean {
    if (this.#position >= this.#limit) return false
    const tag = this.#varint()
    this.number = Math.floor(tag / 8)
    const wireType = tag % 8
    const length = this.#lengthOf(wireType)
    this.start = this.#position
    this.end = this.start + length
    if (this.end > this.#limit) throw new ProtobufError(`field ${this.number} is cut short`)
    this.#position = this.end
    return true
  }

  /** The field as text. */
  text(): string {
    return this.bytes.toString('utf8', this.start, this.end)
  }

  /** The field as a message. */
  message(): FieldReader {
    return new FieldReader(this.bytes, this.start, this.end)
  }

  /** The field, which is a varint, as a number. */
  varint(): number {
    return readVarint(this.bytes, this.start, this.end).value
  }

  /** True where the field's bytes begin with these. */
  startsWith(prefix: Buffer): boolean {
    return (
      this.end - this.start >= prefix.length &&
      this.bytes.compare(prefix, 0, prefix.length, this.start, this.start + prefix.length) === 0
    )
  }

  #lengthOf(wireType: number): number {
    if (wireType === LENGTH_DELIMITED) return this.#varint()
    if (wireType === VARINT) return readVarint(this.bytes, this.#position, this.#limit).length
    if (wireType === FIXED64) return 8
    if (wireType === FIXED32) return 4
    throw new ProtobufError(`field ${this.number} is of the wire type ${wireType}`)
  }

  #varint(): number {
    const { value, length } = readVarint(this.bytes, this.#position, this.#limit)
    this.#position += length
    return value
  }
}

/** The longest varint, in bytes: 64 bits of 7 each. */
export const LONGEST_VARINT = 10

/**
 * A varint and how many bytes it takes. Above 2^53 the value is not exact, which lengths and codes never are. Throws a
 * ProtobufError where it does not end before `limit`.
 */
export function readVarint(bytes: Buffer, start: number, limit: number): { value: number; length: number } {
  let value = 0
  let scale = 1
  for (let length = 1; length <= LONGEST_VARINT && start + length <= limit; length += 1) {
    const byte = bytes[start + length - 1] ?? 0
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, length }
    scale *= 0x80
  }
  throw new ProtobufError('a number does not end')
}
