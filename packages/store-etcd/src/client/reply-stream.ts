import { Duplex } from 'node:stream'
import type { IDuplexStream } from 'etcd3'
import { EtcdFailure } from './errors.js'

export interface StreamOptions {
  /** How long etcd has for its first reply. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** A gRPC stream that is read reply by reply; one that is read slowly slows etcd down, and fills no memory here. */
export class ReplyStream<Request, Reply> {
  readonly #stream: IDuplexStream<Request, Reply> & Duplex
  readonly #replies: AsyncIterator<Reply>
  readonly #options: StreamOptions

  /** Closed when the signal aborts. */
  constructor(stream: IDuplexStream<Request, Reply>, options: StreamOptions) {
    if (!(stream instanceof Duplex)) throw new TypeError('the client of etcd gave no stream that can be read')
    this.#stream = stream
    this.#replies = stream[Symbol.asyncIterator]()
    this.#options = options
    // What goes wrong is thrown by `next`; without a listener it would also end the process.
    stream.on('error', () => {})
    if (options.signal?.aborted) this.close()
    else options.signal?.addEventListener('abort', this.close, { once: true })
  }

  send(request: Request): void {
    this.#stream.write(request)
  }

  /** The first reply, in time. */
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

  /** Throws what the stream ended with, also where it just ended. */
  async next(): Promise<Reply> {
    const { done, value } = await this.#replies.next()
    if (done) throw new EtcdFailure('unavailable', 'etcd ended the stream')
    return value
  }

  readonly close = (): void => {
    this.#options.signal?.removeEventListener('abort', this.close)
    // In this order: etcd3 resets all connections to an endpoint where a stream fails that can still be written to.
    this.#stream.end()
    this.#stream.cancel()
  }
}
