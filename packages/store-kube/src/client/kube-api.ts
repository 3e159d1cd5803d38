import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isOverlayError, OverlayError } from '@selvedge/core'
import { type Connection, type Connector, closeIdle } from '../auth/index.js'
import { ApiError } from './api-error.js'
import { type ApiStatus, decodeStatus } from './node-codec.js'
import { ProtobufError } from './protobuf.js'
import { IdleTimeout, Response, responseTo, StaleConnection } from './response.js'

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
  /** How long the server may be silent before it begins to answer, in ms. */
  readonly timeoutMs: number
  /** How long it may be silent within the answer, in ms. Default: `timeoutMs`. */
  readonly idleTimeoutMs?: number | undefined
}

/** A Status is short; the page of a proxy in between is not worth more. */
const MAX_ERROR_BYTES = 16 * 1024

/**
 * Sends requests to the API server. Each rejects with an OverlayError: `STORE_UNAVAILABLE` if there is no answer,
 * `ACCESS_DENIED` for 401 and 403, `STORE_CORRUPT` if the answer cannot be decoded; or with the signal's reason.
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

  /** Yields what `reader` decodes from an answer as it arrives. */
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
    return this.fetch({ ...request, accept: JSON_TYPE }, (body) => JSON.parse(body.toString()))
  }

  close(): void {
    this.#connector.close()
  }

  async #open(request: ApiRequest): Promise<Response> {
    const response = await this.#send(request)
    if (response.ok) return response
    const error = await errorOf(this.#describe(request), response)
    if (error.status.code !== 401) throw error
    // The credentials may have been rotated since they were read.
    this.#connector.forget()
    const second = await this.#send(request)
    if (second.ok) return second
    throw await errorOf(this.#describe(request), second)
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
    const { method, path, accept, body, signal, timeoutMs, idleTimeoutMs = timeoutMs } = request
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
      return new Response(await responseTo(call, body?.text, timeoutMs), idleTimeoutMs, settle)
    } catch (error) {
      settle()
      throw error
    }
  }

  /** Adds what was attempted to an error that does not say so; keeps the signal's reason as it is. */
  #failure(request: ApiRequest, error: unknown): unknown {
    if (request.signal.aborted) return request.signal.reason
    if (error instanceof ProtobufError || error instanceof SyntaxError) {
      const message = `${this.#describe(request)}: the answer cannot be decoded: ${error.message}`
      return new OverlayError('STORE_CORRUPT', message, { cause: error })
    }
    if (isOverlayError(error)) return error
    const cause = error instanceof StaleConnection ? error.cause : error
    // What swallowed this request may have swallowed the idle connections too.
    if (cause instanceof IdleTimeout && this.#agent !== undefined) closeIdle(this.#agent)
    const why = cause instanceof Error ? cause.message : String(cause)
    return new OverlayError(
      'STORE_UNAVAILABLE',
      `${this.#describe(request)}: ${why}; check that the API server is running and reachable from this node`,
      { cause },
    )
  }

  #describe({ method, path }: Pick<ApiRequest, 'method' | 'path'>): string {
    return `${method} ${path.split('?')[0]} of Kubernetes at ${this.#server}`
  }
}

/** The error for an answer with an error status. */
async function errorOf(attempted: string, response: Response): Promise<ApiError> {
  await using stream = response
  const parts: Buffer[] = []
  let length = 0
  for await (const chunk of stream.chunks) {
    parts.push(chunk)
    length += chunk.length
    if (length > MAX_ERROR_BYTES) break
  }
  const seconds = Number(response.header('retry-after'))
  const retryAfterMs = seconds > 0 ? seconds * 1000 : undefined
  return new ApiError(attempted, statusOf(response, Buffer.concat(parts)), retryAfterMs)
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
  return { code: response.code, reason: '', message: body.toString().trim().slice(0, 200) }
}
