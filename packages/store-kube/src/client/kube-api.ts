import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { OverlayError } from '@selvedge/core'
import { type Connection, type Connector, closeIdle, TCP_KEEPALIVE } from '../auth/http-agent-cache.js'
import { ApiError } from './api-error.js'
import { type ApiStatus, decodeStatus } from './node-codec.js'
import { ProtobufError } from './protobuf.js'

export const PROTOBUF = 'application/vnd.kubernetes.protobuf'
export const PROTOBUF_WATCH = 'application/vnd.kubernetes.protobuf;stream=watch'
export const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json'
const JSON_TYPE = 'application/json'

export interface ApiRequest {
  readonly method: 'GET' | 'PATCH'
  /** Below the server's URL, with its query. */
  readonly path: string
  readonly accept: string
  readonly body?: { readonly type: string; readonly text: string } | undefined
  readonly signal: AbortSignal
  /** The server has failed where it sends nothing for so long, in ms. */
  readonly patience: number
  /** The same for an answer that has begun. Default: `patience`. */
  readonly answerPatience?: number | undefined
}

/** A Status is short; whatever else a proxy in between says is not worth more. */
const LONGEST_EXPLANATION = 16 * 1024

/** Errors that a connection kept open meets where the server closed it just before: another one may do. */
const STALE_CONNECTION = new Set(['ECONNRESET', 'EPIPE'])

/**
 * Requests to the API server. Each rejects with an OverlayError: `STORE_UNAVAILABLE` where there is no answer,
 * `ACCESS_DENIED` for 401 and 403, `STORE_CORRUPT` where the answer cannot be read; or with the signal's reason.
 */
export class KubeApi {
  readonly #connector: Connector
  #server = 'the API server'
  #agent: Connection['agent'] | undefined

  constructor(connector: Connector) {
    this.#connector = connector
  }

  /** Reads an answer as it arrives. */
  async read<T>(request: ApiRequest, reader: (chunks: AsyncIterable<Buffer>) => Promise<T>): Promise<T> {
    try {
      await using response = await this.#open(request)
      return await reader(response.chunks)
    } catch (error) {
      throw this.#failure(request, error)
    }
  }

  /** Yields what `reader` reads of an answer as it arrives. */
  async *stream<T>(
    request: ApiRequest,
    reader: (chunks: AsyncIterable<Buffer>) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    try {
      await using response = await this.#open(request)
      yield* reader(response.chunks)
    } catch (error) {
      throw this.#failure(request, error)
    }
  }

  /** What `decode` makes of a short answer. */
  fetch<T>(request: ApiRequest, decode: (body: Buffer) => T): Promise<T> {
    return this.read(request, async (chunks) => {
      const all: Buffer[] = []
      for await (const chunk of chunks) all.push(chunk)
      return decode(Buffer.concat(all))
    })
  }

  /** A short answer in JSON. */
  fetchJson(request: Omit<ApiRequest, 'accept'>): Promise<unknown> {
    return this.fetch({ ...request, accept: JSON_TYPE }, (body) => JSON.parse(body.toString()))
  }

  close(): void {
    this.#connector.close()
  }

  async #open(request: ApiRequest): Promise<Response> {
    const response = await this.#send(request)
    if (response.ok) return response
    const error = await explain(this.#describe(request), response)
    if (error.status.code !== 401) throw error
    // Credentials that were rotated since they were read.
    this.#connector.forget()
    const second = await this.#send(request)
    if (second.ok) return second
    throw await explain(this.#describe(request), second)
  }

  async #send(request: ApiRequest): Promise<Response> {
    try {
      return await this.#sendOnce(request)
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error
      return await this.#sendOnce(request)
    }
  }

  async #sendOnce(request: ApiRequest): Promise<Response> {
    const { method, path, accept, body, signal, patience, answerPatience = patience } = request
    const { url, agent, headers } = await this.#connector.connect()
    this.#server = url.origin
    this.#agent = agent
    signal.throwIfAborted()
    const send = url.protocol === 'http:' ? httpRequest : httpsRequest
    const call = send({
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path: `${url.pathname.replace(/\/$/, '')}${path}`,
      method,
      agent,
      headers: {
        ...headers,
        accept,
        'user-agent': 'selvedge',
        ...(body && { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
      },
    })
    const stop = () => call.destroy(new Error('aborted'))
    signal.addEventListener('abort', stop, { once: true })
    const settle = () => signal.removeEventListener('abort', stop)
    try {
      return new Response(await responseTo(call, body?.text, patience), answerPatience, settle)
    } catch (error) {
      settle()
      throw error
    }
  }

  /** Says what was attempted; keeps errors that say so already, and the signal's reason as it is. */
  #failure(request: ApiRequest, error: unknown): unknown {
    if (request.signal.aborted) return request.signal.reason
    if (error instanceof ProtobufError || error instanceof SyntaxError) {
      const said = `${this.#describe(request)}: the answer cannot be read: ${error.message}`
      return new OverlayError('STORE_CORRUPT', said, { cause: error })
    }
    if (error instanceof OverlayError) return error
    const cause = error instanceof StaleConnection ? error.cause : error
    // Whatever swallowed this one may have swallowed those that wait to be used again.
    if (cause instanceof Silence && this.#agent !== undefined) closeIdle(this.#agent)
    const said = cause instanceof Error ? cause.message : String(cause)
    return new OverlayError(
      'STORE_UNAVAILABLE',
      `${this.#describe(request)}: ${said}; check that the API server runs, and can be reached from this node`,
      { cause },
    )
  }

  #describe({ method, path }: Pick<ApiRequest, 'method' | 'path'>): string {
    return `${method} ${path.split('?')[0]} of Kubernetes at ${this.#server}`
  }
}

function responseTo(
  call: ClientRequest,
  body: string | undefined,
  patience: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => call.destroy(new Silence(patience)), patience)
    call.on('socket', (socket) => socket.setKeepAlive(true, TCP_KEEPALIVE))
    call.on('response', (message) => {
      clearTimeout(timer)
      resolve(message)
    })
    // Stays on: what fails after the response has begun is told here as well as by the response.
    call.on('error', (error) => {
      clearTimeout(timer)
      const stale = call.reusedSocket && STALE_CONNECTION.has(String(Reflect.get(error, 'code')))
      reject(stale ? new StaleConnection(error) : error)
    })
    call.end(body)
  })
}

class StaleConnection extends Error {
  override readonly name = 'StaleConnection'

  constructor(cause: Error) {
    super(cause.message, { cause })
  }
}

/** What the server answers, with a watch over its silences. */
class Response implements AsyncDisposable {
  readonly chunks: AsyncIterable<Buffer>
  readonly #message: IncomingMessage
  readonly #settle: () => void

  constructor(message: IncomingMessage, patience: number, settle: () => void) {
    this.#message = message
    this.#settle = settle
    this.chunks = patiently(message, patience)
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

/** Only the time in which a chunk is waited for counts: a reader may take as long as it likes. */
async function* patiently(
  message: IncomingMessage,
  patience: number,
): AsyncGenerator<Buffer, void, undefined> {
  const chunks: AsyncIterator<Buffer> = message[Symbol.asyncIterator]()
  for (;;) {
    const timer = setTimeout(() => message.destroy(new Silence(patience)), patience)
    const { value, done } = await chunks.next().finally(() => clearTimeout(timer))
    if (done === true) return
    yield value
  }
}

/** The server has sent nothing for so long that it is given up. */
class Silence extends Error {
  override readonly name = 'Silence'

  constructor(patience: number) {
    super(`no answer for ${patience / 1000} s`)
  }
}

/** True for a request that failed for nothing but the server's silence. */
export const isSilence = (error: unknown): boolean => error instanceof Error && error.cause instanceof Silence

/** The error that an answer of another status is. */
async function explain(attempted: string, response: Response): Promise<ApiError> {
  await using stream = response
  const parts: Buffer[] = []
  let length = 0
  for await (const chunk of stream.chunks) {
    parts.push(chunk)
    length += chunk.length
    if (length > LONGEST_EXPLANATION) break
  }
  const seconds = Number(response.header('retry-after'))
  const retryAfter = seconds > 0 ? seconds * 1000 : undefined
  return new ApiError(attempted, statusOf(response, Buffer.concat(parts)), retryAfter)
}

function statusOf(response: Response, body: Buffer): ApiStatus {
  const type = response.header('content-type')
  try {
    if (type.startsWith(PROTOBUF)) return { ...decodeStatus(body), code: response.code }
    if (type.startsWith(JSON_TYPE)) {
      const { reason, message } = Object(JSON.parse(body.toString()))
      return { code: response.code, reason: String(reason ?? ''), message: String(message ?? '') }
    }
  } catch {
    // Then it is told as it stands.
  }
  return { code: response.code, reason: '', message: body.toString().trim().slice(0, 200) }
}
