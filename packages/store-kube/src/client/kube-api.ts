import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isOverlayError, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import { type Connection, type Connector, HttpAgentCache } from '../auth/index.js'
import { ApiError } from './api-error.js'
import { type ApiStatus, decodeStatus } from './node-codec.js'
import { ProtobufError, TruncatedError } from './protobuf.js'
import { secretsIn, withoutSecrets } from './redact.js'
import {
  type AnswerLimits,
  IdleTimeout,
  isOk,
  OversizedAnswer,
  Response,
  responseTo,
  StaleConnection,
} from './response.js'
import { ServerAddresses } from './server-addresses.js'
import { tlsFailure } from './tls-failure.js'

export const PROTOBUF = 'application/vnd.kubernetes.protobuf'
export const PROTOBUF_WATCH = 'application/vnd.kubernetes.protobuf;stream=watch'
export const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json'
const JSON_TYPE = 'application/json'

export interface ApiRequest {
  readonly method: 'GET' | 'PATCH' | 'POST'
  /** Below the server's URL, with its query. */
  readonly path: string
  readonly accept: string
  readonly body?: { readonly type: string; readonly text: string } | undefined
  readonly signal: AbortSignal
  /** How long the server may be silent before it begins to answer, in ms. */
  readonly timeoutMs: number
  /** Default: those of a single object, with a silence of `timeoutMs`. */
  readonly limits?: AnswerLimits | undefined
}

/** Decodes an answer as it arrives. `fail` makes the error for a Status that the server sends within it. */
export type AnswerReader<T> = (chunks: AsyncIterable<Buffer>, fail: (status: ApiStatus) => ApiError) => T

/** A slower answer is given up. At this rate, 5,000 Nodes of 16 kB would take more than an hour. */
export const MIN_BYTES_PER_SECOND = 16 * 1024

/** No object comes near: etcd accepts requests of 1.5 MiB. */
const MAX_OBJECT_BYTES = 8 * 1024 * 1024

/** A Status is short; the page of a proxy in between is not worth more. */
const MAX_ERROR_BYTES = 16 * 1024

/** The longest `Retry-After` that is respected, in ms: a node that hears of no peers for longer loses them. */
const MAX_RETRY_AFTER_MS = 30_000

/**
 * Sends requests to the API server. Each rejects with an OverlayError: `STORE_UNAVAILABLE` if there is no answer,
 * `ACCESS_DENIED` for 401 and 403, `STORE_CORRUPT` if the answer cannot be decoded; or with the signal's reason.
 */
export class KubeApi {
  readonly #connector: Connector
  readonly #agents = new HttpAgentCache()
  readonly #onSecrets: ((secrets: readonly string[]) => void) | undefined
  readonly #addresses = new ServerAddresses()
  #server = 'the API server'
  #secrets = ''

  /** @param onSecrets called with the secrets that requests bear, before the first one that bears them */
  constructor(connector: Connector, onSecrets?: ((secrets: readonly string[]) => void) | undefined) {
    this.#connector = connector
    this.#onSecrets = onSecrets
  }

  /** Reads an answer as it arrives. */
  async read<T>(request: ApiRequest, reader: AnswerReader<Promise<T>>): Promise<T> {
    try {
      await using answer = await this.#open(request)
      return await reader(answer.chunks, (status) => this.#error(request, status, answer.connection))
    } catch (error) {
      throw this.#failure(request, error)
    }
  }

  /** Yields what `reader` decodes from an answer as it arrives. */
  async *stream<T>(
    request: ApiRequest,
    reader: AnswerReader<AsyncIterable<T>>,
  ): AsyncGenerator<T, void, undefined> {
    try {
      await using answer = await this.#open(request)
      yield* reader(answer.chunks, (status) => this.#error(request, status, answer.connection))
    } catch (error) {
      throw this.#failure(request, error)
    }
  }

  /** Decodes a short answer. */
  fetch<T>(request: ApiRequest, decode: (body: Buffer) => T): Promise<T> {
    return this.read(request, async (chunks) => {
      const all: Buffer[] = []
      for await (const chunk of chunks) all.push(chunk)
      return decode(Buffer.concat(all))
    })
  }

  /** Decodes a short answer in JSON. */
  fetchJson(request: Omit<ApiRequest, 'accept'>): Promise<unknown> {
    return this.fetch({ ...request, accept: JSON_TYPE }, parseJsonBody)
  }

  /** The IP addresses at which the API server is reached, as far as they are known. */
  get addresses(): readonly string[] {
    return this.#addresses.all
  }

  /** Adds one at which the API server is reached, unless it is a name. */
  addAddress(address: string): void {
    this.#addresses.addHost(address)
  }

  /** How many connections were opened. */
  get connections(): number {
    return this.#addresses.connections
  }

  close(): void {
    this.#connector.close()
    this.#agents.close()
  }

  async #open(request: ApiRequest): Promise<Response> {
    const first = await this.#send(request)
    if (first.ok) return first
    const error = await this.#errorIn(request, first)
    if (error.status.code !== 401) throw error
    // The credentials may have been rotated since they were read.
    this.#connector.forget()
    const second = await this.#send(request)
    if (second.ok) return second
    throw await this.#errorIn(request, second)
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
    const { method, path, accept, body, signal, timeoutMs, limits = objectLimits(timeoutMs) } = request
    const connection = await untilAborted(this.#connector.connect(), signal)
    const { url, headers } = connection
    this.#server = url.origin
    this.#addresses.addHost(url.hostname)
    this.#reportSecrets(secretsIn(headers))
    const send = url.protocol === 'http:' ? httpRequest : httpsRequest
    const call = send({
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      path: `${url.pathname.replace(/\/$/, '')}${path}`,
      method,
      agent: this.#agents.agentFor(connection),
      headers: {
        ...headers,
        accept,
        'user-agent': 'selvedge',
        ...(body && { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }),
      },
    })
    call.on('socket', (socket) => this.#addresses.addSocket(socket))
    const stop = () => call.destroy(new Error('aborted'))
    signal.addEventListener('abort', stop, { once: true })
    const settle = () => signal.removeEventListener('abort', stop)
    try {
      const message = await untilAborted(responseTo(call, body?.text, timeoutMs), signal)
      // An error is short, whatever was requested.
      return new Response(message, isOk(message) ? limits : objectLimits(timeoutMs), connection, settle)
    } catch (error) {
      settle()
      throw error
    }
  }

  #reportSecrets(secrets: readonly string[]): void {
    const joined = secrets.join('\n')
    if (joined === this.#secrets) return
    this.#secrets = joined
    this.#onSecrets?.(secrets)
  }

  /** Adds what was attempted to an error that does not say so; keeps the signal's reason as it is. */
  #failure(request: ApiRequest, error: unknown): unknown {
    if (request.signal.aborted) return request.signal.reason
    if (isOverlayError(error)) return error
    if (isUndecodable(error)) {
      const message = `${this.#describe(request)}: the answer cannot be decoded: ${error.message}`
      return new OverlayError('STORE_CORRUPT', message, { cause: error })
    }
    const cause = error instanceof StaleConnection ? error.cause : error
    // What swallowed this request may have swallowed the idle connections too.
    if (cause instanceof IdleTimeout) this.#agents.closeIdle()
    const tls = tlsFailure(cause)
    if (tls !== undefined) {
      const message = `${this.#describe(request)}: ${printable(tls.explanation)}`
      return new OverlayError(tls.code, message, { cause })
    }
    const why = printable(cause instanceof Error ? cause.message : String(cause))
    return new OverlayError(
      'STORE_UNAVAILABLE',
      `${this.#describe(request)}: ${why}; check that the API server is running and reachable from this node`,
      { cause },
    )
  }

  /** The error that an answer with an error status is. */
  async #errorIn(request: ApiRequest, answer: Response): Promise<ApiError> {
    await using response = answer
    const body = await beginningOf(response.chunks)
    const seconds = Number(response.header('retry-after'))
    const retryAfterMs = seconds > 0 ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : undefined
    return this.#error(request, statusOf(response, body), response.connection, retryAfterMs)
  }

  /** The server may quote the credentials that it rejects. */
  #error(request: ApiRequest, status: ApiStatus, { headers }: Connection, retryAfterMs?: number): ApiError {
    const secrets = secretsIn(headers)
    const reason = withoutSecrets(status.reason, secrets)
    const message = withoutSecrets(status.message, secrets)
    return new ApiError(this.#describe(request), { code: status.code, reason, message }, retryAfterMs)
  }

  #describe({ method, path }: Pick<ApiRequest, 'method' | 'path'>): string {
    return `${method} ${path.split('?')[0]} of Kubernetes at ${this.#server}`
  }
}

/** Does not wait for what may go on: credentials serve other requests too, and a call that is destroyed may end late. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
    if (signal.aborted) stop()
  })
}

const objectLimits = (idleTimeoutMs: number): AnswerLimits => ({
  idleTimeoutMs,
  minBytesPerSecond: MIN_BYTES_PER_SECOND,
  maxBytes: MAX_OBJECT_BYTES,
})

/** A truncated answer is not among these: a connection that is cut says nothing about the store. */
function isUndecodable(error: unknown): error is Error {
  if (error instanceof TruncatedError) return false
  return error instanceof ProtobufError || error instanceof SyntaxError || error instanceof OversizedAnswer
}

/** V8's own error quotes what it finds. */
function parseJsonBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    throw new SyntaxError('it is not JSON')
  }
}

/** As much of a body as an error is worth, even if the rest does not arrive. */
async function beginningOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of chunks) {
      parts.push(chunk)
      length += chunk.length
      if (length > MAX_ERROR_BYTES) break
    }
  } catch {
    // The status is the error, not the end of its explanation.
  }
  return Buffer.concat(parts).subarray(0, MAX_ERROR_BYTES)
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
    // A body that is not a Status is quoted as it is.
  }
  return { code: response.code, reason: '', message: body.toString().trim() }
}
