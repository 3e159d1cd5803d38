import { Duplex } from 'node:stream'
import type { IDuplexStream } from 'etcd3'
import { EtcdFailure } from './errors.js'

export interface StreamOptions {
  /** How long etcd has for its first reply. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** A gRPC stream that is read reply by reply. Flow control slows etcd down to the reader's pace. */
export class ReplyStream<Request, Reply> {
  readonly #stream: IDuplexStream<Request, Reply> & Duplex
  readonly #replies: AsyncIterator<Reply>
  readonly #options: StreamOptions

  /** Closed when the signal aborts. */
  constructor(stream: IDuplexStream<Request, Reply>, options: StreamOptions) {
    if (!(stream instanceof Duplex))
      throw new TypeError('the client of etcd returned a stream that cannot be read')
    this.#stream = stream
    this.#replies = stream[Symbol.asyncIterator]()
    this.#options = options
    // `next` throws the error; without a listener it would also end the process.
    stream.on('error', () => {})
    if (options.signal?.aborted) this.close()
    else options.signal?.addEventListener('abort', this.close, { once: true })
  }

  send(request: Request): void {
    this.#stream.write(request)
  }

  /** The first reply. Throws if it does not arrive in time. */
  async first(): Promise<Reply> {
    const { timeoutMs } = this.#options
    const timer = setTimeout(
      () => this.#stream.destroy(new EtcdFailure('unavailable', `no answer within ${timeoutMs / 1000} s`)),
      timeoutMs,
    )
    try {
      return await this.next()
    } finally {
      clearTimeout(timer)
    }
  }

  /** The next reply. Throws the error that ended the stream, or one if it ended without. */
  async next(): Promise<Reply> {
    const { done, value } = await this.#replies.next()
    if (done) throw new EtcdFailure('unavailable', 'etcd ended the stream')
    return value
  }

  readonly close = (): void => {
    this.#options.signal?.removeEventListener('abort', this.close)
    // In this order: etcd3 resets all connections to an endpoint if a stream that can still be written to fails.
    this.#stream.end()
    this.#stream.cancel()
  }
}
