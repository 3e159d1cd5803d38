import { FieldReader, MAX_VARINT_LENGTH, ProtobufError, TruncatedError } from './protobuf.js'

/** No API object comes near: etcd accepts requests of 1.5 MiB. A longer piece means that the stream is out of step. */
const MAX_PIECE_BYTES = 16 * 1024 * 1024

/** Room for a chunk of TLS and a Node or two. */
const INITIAL_BYTES = 64 * 1024

/**
 * Takes pieces of known length off a stream of chunks of any length. All of them pass through one buffer: a list of
 * Nodes may be hundreds of megabytes long, and a buffer for each Node would be as much garbage.
 */
export class ByteStream {
  readonly #chunks: AsyncIterator<Buffer>
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  /** The part of the buffer that has arrived and is not taken yet. */
  #start = 0
  #end = 0

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** The next `length` bytes, valid until the next call. Throws a TruncatedError if the stream ends before. */
  async take(length: number): Promise<Buffer> {
    if (length > MAX_PIECE_BYTES) throw new ProtobufError(`a piece of ${length} bytes`)
    if (this.#held < length) await this.#fill(length)
    if (this.#held < length) throw new TruncatedError('the answer is cut short')
    this.#start += length
    return this.#buffer.subarray(this.#start - length, this.#start)
  }

  /** True if nothing is left. */
  async atEnd(): Promise<boolean> {
    if (this.#held === 0) await this.#fill(1)
    return this.#held === 0
  }

  /** The next varint, and its length in bytes. */
  async varint(): Promise<{ readonly value: number; readonly length: number }> {
    if (this.#held < MAX_VARINT_LENGTH) await this.#fill(MAX_VARINT_LENGTH)
    const reader = new FieldReader(this.#buffer, this.#start, this.#end)
    const value = reader.readVarint()
    const length = reader.end - this.#start
    this.#start = reader.end
    return { value, length }
  }

  get #held(): number {
    return this.#end - this.#start
  }

  /** Reads until `length` bytes are held, or the stream ends. */
  async #fill(length: number): Promise<void> {
    while (this.#held < length) {
      const { value, done } = await this.#chunks.next()
      if (done === true) return
      this.#makeRoom(value.length)
      this.#end += value.copy(this.#buffer, this.#end)
    }
  }

  #makeRoom(length: number): void {
    if (this.#end + length <= this.#buffer.length) return
    const needed = this.#held + length
    const size = 2 ** Math.ceil(Math.log2(needed))
    const buffer = needed <= this.#buffer.length ? this.#buffer : Buffer.allocUnsafe(size)
    this.#buffer.copy(buffer, 0, this.#start, this.#end)
    this.#end -= this.#start
    this.#start = 0
    this.#buffer = buffer
  }
}
