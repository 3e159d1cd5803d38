import { LONGEST_VARINT, ProtobufError, readVarint } from './protobuf.js'

/** No object of the API comes near: etcd takes 1.5 MiB a request. A longer one is a stream that went out of step. */
const LONGEST_PIECE = 64 * 1024 * 1024

const NOTHING = Buffer.alloc(0)

/** Takes pieces of known length off a stream of chunks of any length, holding no more of it than the piece at hand. */
export class ByteStream {
  readonly #chunks: AsyncIterator<Buffer>
  #rest: Buffer = NOTHING

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** The next `length` bytes, valid until the next call. Throws a ProtobufError where the stream ends before. */
  async take(length: number): Promise<Buffer> {
    if (length > LONGEST_PIECE) throw new ProtobufError(`a piece of ${length} bytes`)
    if (this.#rest.length < length) await this.#fill(length)
    if (this.#rest.length < length) throw new ProtobufError('the answer is cut short')
    const piece = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(length)
    return piece
  }

  /** True where nothing is left. */
  async atEnd(): Promise<boolean> {
    if (this.#rest.length === 0) await this.#fill(1)
    return this.#rest.length === 0
  }

  async varint(): Promise<{ readonly value: number; readonly length: number }> {
    if (this.#rest.length < LONGEST_VARINT) await this.#fill(LONGEST_VARINT)
    const read = readVarint(this.#rest, 0, this.#rest.length)
    this.#rest = this.#rest.subarray(read.length)
    return read
  }

  async #fill(length: number): Promise<void> {
    const parts = this.#rest.length === 0 ? [] : [this.#rest]
    let held = this.#rest.length
    while (held < length) {
      const { value, done } = await this.#chunks.next()
      if (done === true) break
      parts.push(value)
      held += value.length
    }
    const [only, ...more] = parts
    this.#rest = more.length === 0 ? (only ?? NOTHING) : Buffer.concat(parts)
  }
}
