import type { ClientRequest, IncomingMessage } from 'node:http'
import { type Connection, TCP_KEEPALIVE_MS } from '../auth/index.js'

/** How long an answer may take, and how long it may be. */
export interface AnswerLimits {
  /** How long the server may be silent within the answer, in ms. */
  readonly idleTimeoutMs: number
  /**
   * How fast the answer must arrive, in bytes/s, averaged over `idleTimeoutMs`: the deadline grows with the size. 0 for
   * a watch, which may take as long as it likes.
   */
  readonly minBytesPerSecond: number
  readonly maxBytes: number
}

/** The server has sent nothing for so long that the request is given up. */
export class IdleTimeout extends Error {
  override readonly name = 'IdleTimeout'

  constructor(timeoutMs: number) {
    super(`no answer for ${timeoutMs / 1000} s`)
  }
}

/** The answer arrives so slowly that the request is given up. */
class SlowAnswer extends Error {
  override readonly name = 'SlowAnswer'

  constructor({ minBytesPerSecond, idleTimeoutMs }: AnswerLimits) {
    super(`less than ${minBytesPerSecond} bytes/s of the answer arrived for ${idleTimeoutMs / 1000} s`)
  }
}

/** The answer is longer than anything that the API server sends. */
export class OversizedAnswer extends Error {
  override readonly name = 'OversizedAnswer'

  constructor({ maxBytes }: AnswerLimits) {
    super(`it is longer than ${maxBytes} bytes`)
  }
}

/** A connection that was kept open had been closed by the server just before it was used again. */
export class StaleConnection extends Error {
  override readonly name = 'StaleConnection'

  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

/** What a stale connection fails with. */
const STALE_CODES: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])

/** The server's answer. Its body is read within limits of time and size. */
export class Response implements AsyncDisposable {
  readonly chunks: AsyncIterable<Buffer>
  /** The connection that it came by, whose credentials it may quote. */
  readonly connection: Connection
  readonly #message: IncomingMessage
  readonly #settle: () => void

  /** @param settle called once the answer is read or dropped */
  constructor(message: IncomingMessage, limits: AnswerLimits, connection: Connection, settle: () => void) {
    this.connection = connection
    this.#message = message
    this.#settle = settle
    this.chunks = limited(message, limits)
  }

  get ok(): boolean {
    return isOk(this.#message)
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

/** True if the request succeeded. */
export const isOk = ({ statusCode = 0 }: IncomingMessage): boolean => statusCode >= 200 && statusCode < 300

/** Sends the request, and waits until the server begins to answer. */
export function responseTo(
  call: ClientRequest,
  body: string | undefined,
  timeoutMs: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    // Rejects by itself: a call that is destroyed on a connection that had been kept reports no error on Deno.
    const giveUp = (error: Error) => {
      call.destroy(error)
      reject(error)
    }
    const timer = setTimeout(() => giveUp(new IdleTimeout(timeoutMs)), timeoutMs)
    call.on('socket', (socket) => socket.setKeepAlive(true, TCP_KEEPALIVE_MS))
    call.on('response', (message) => {
      clearTimeout(timer)
      // Deno sends such a call again: nothing waits for the answer.
      if (call.destroyed) message.destroy()
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
async function* limited(
  message: IncomingMessage,
  limits: AnswerLimits,
): AsyncGenerator<Buffer, void, undefined> {
  const { idleTimeoutMs, minBytesPerSecond, maxBytes } = limits
  const chunks: AsyncIterator<Buffer> = message[Symbol.asyncIterator]()
  /** What is left of the time to wait. Each byte that arrives adds to it, up to the timeout. */
  let leftMs = idleTimeoutMs
  let total = 0
  for (;;) {
    const start = performance.now()
    const giveUp = () =>
      message.destroy(leftMs < idleTimeoutMs ? new SlowAnswer(limits) : new IdleTimeout(idleTimeoutMs))
    const timer = setTimeout(giveUp, leftMs)
    const { value, done } = await chunks.next().finally(() => clearTimeout(timer))
    if (done === true) return
    total += value.length
    if (total > maxBytes) throw new OversizedAnswer(limits)
    if (minBytesPerSecond > 0) {
      const earnedMs = (value.length / minBytesPerSecond) * 1000
      leftMs = Math.min(idleTimeoutMs, leftMs - (performance.now() - start) + earnedMs)
    }
    yield value
  }
}
