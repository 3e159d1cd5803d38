import type { ClientRequest, IncomingMessage } from 'node:http'
import { TCP_KEEPALIVE_MS } from '../auth/index.js'

/** The server has sent nothing for so long that the request is given up. */
export class IdleTimeout extends Error {
  override readonly name = 'IdleTimeout'

  constructor(timeoutMs: number) {
    super(`no answer for ${timeoutMs / 1000} s`)
  }
}

/** True for a request that failed only because the server was silent. */
export const isIdleTimeout = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof IdleTimeout

/** A connection that was kept open had been closed by the server just before it was used again. */
export class StaleConnection extends Error {
  override readonly name = 'StaleConnection'

  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

/** What a stale connection fails with. */
const STALE_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])

/** The server's answer. Its body is read with a timeout on the server's silence. */
export class Response implements AsyncDisposable {
  readonly chunks: AsyncIterable<Buffer>
  readonly #message: IncomingMessage
  readonly #settle: () => void

  /** @param settle called once the answer is read or dropped */
  constructor(message: IncomingMessage, idleTimeoutMs: number, settle: () => void) {
    this.#message = message
    this.#settle = settle
    this.chunks = withIdleTimeout(message, idleTimeoutMs)
  }

  get ok(): boolean {
    return this.code >= 200 && this.code < 300
  }

  get code(): number {
    return this.#message.statusCode ?? 0
  }

  header(name: 'content-type' | 'retry-after'): string {
    return this.#message.headers[name] ?? ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#settle()
    // A message that was read to its end has given its connection back already.
    if (!this.#message.complete) this.#message.destroy()
  }
}

/** Sends the request, and waits until the server begins to answer. */
export function responseTo(
  call: ClientRequest,
  body: string | undefined,
  timeoutMs: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => call.destroy(new IdleTimeout(timeoutMs)), timeoutMs)
    call.on('socket', (socket) => socket.setKeepAlive(true, TCP_KEEPALIVE_MS))
    call.on('response', (message) => {
      clearTimeout(timer)
      resolve(message)
    })
    // Stays on: a failure after the response has begun is emitted here too, besides by the response.
    call.on('error', (error) => {
      clearTimeout(timer)
      const stale = call.reusedSocket && STALE_CODES.has(String(Reflect.get(error, 'code')))
      reject(stale ? new StaleConnection(error) : error)
    })
    call.end(body)
  })
}

/** Counts only the time that a chunk is waited for: the reader may take as long as it likes. */
async function* withIdleTimeout(
  message: IncomingMessage,
  timeoutMs: number,
): AsyncGenerator<Buffer, void, undefined> {
  const chunks: AsyncIterator<Buffer> = message[Symbol.asyncIterator]()
  for (;;) {
    const timer = setTimeout(() => message.destroy(new IdleTimeout(timeoutMs)), timeoutMs)
    const { value, done } = await chunks.next().finally(() => clearTimeout(timer))
    if (done === true) return
    yield value
  }
}
