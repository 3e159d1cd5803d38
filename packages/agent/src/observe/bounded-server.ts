import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** Where to listen: at an address and a port, 0 for any that is free; or at a Unix socket. */
export type ListenAddress = { readonly ip: string; readonly port: number } | { readonly path: string }

export interface Answer {
  readonly status: number
  readonly text: string | Uint8Array
  /** Default: `text/plain; charset=utf-8`. */
  readonly contentType?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Called with the response in place of the text, once the headers are sent; it ends with its connection. */
  readonly stream?: ((response: ServerResponse) => void) | undefined
}

export interface BoundedServerOptions {
  /** @param path without its query */
  readonly answer: (path: string, headers: IncomingHttpHeaders) => Promise<Answer>
  /** Whether a request may be addressed to that host; see `isOwnName`. Not asked at a Unix socket. */
  readonly admitsHost: (host: string | undefined) => boolean
}

/** Each takes a descriptor, and so does a connection to the store. */
const MAX_CONNECTIONS = 100

/** For a request's headers, for all of it, and for a client to take the next bytes of its answer. */
const TIMEOUT_MS = 5_000

/** How often connections are checked for that: Node.js' own default is 30 s. */
const CHECK_INTERVAL_MS = 500

const METHODS = ['GET', 'HEAD']

/**
 * An HTTP server for health checks that no client can make a burden on the process: at most 100 connections, one request
 * each, 5 s to send it; GET and HEAD alone. At the limit a new connection closes the oldest of those that wait for a
 * request, so that many slow clients do not keep a health check out.
 */
export class BoundedServer implements AsyncDisposable {
  readonly #options: BoundedServerOptions
  readonly #server: Server
  /** The oldest first. */
  readonly #open = new Set<Socket>()
  readonly #answering = new Set<Socket>()

  private constructor(options: BoundedServerOptions) {
    this.#options = options
    const onRequest: RequestListener = (request, response) => void this.#serve(request, response)
    this.#server = createServer(
      {
        requestTimeout: TIMEOUT_MS,
        headersTimeout: TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
      },
      onRequest,
    )
    // Without a listener, Node.js would tell a client that expects 100 to send a body.
    this.#server.on('checkContinue', onRequest)
    // And it would keep the connection of one that expects anything else.
    this.#server.on('checkExpectation', onRequest)
    this.#server.timeout = TIMEOUT_MS
    // Further requests that arrive together with the first are refused.
    this.#server.maxRequestsPerSocket = 1
    this.#server.on('connection', (socket) => this.#accept(socket))
  }

  /** Resolves once it listens; rejects with Node's own error. */
  static async listen(address: ListenAddress, options: BoundedServerOptions): Promise<BoundedServer> {
    const bounded = new BoundedServer(options)
    const server = bounded.#server
    await new Promise<void>((resolve, reject) => {
      const target = 'path' in address ? { path: address.path } : { host: address.ip, port: address.port }
      server.once('error', reject).listen(target, () => {
        // From now on the error is a connection that could not be accepted: its client sees that.
        server.off('error', reject).on('error', () => undefined)
        resolve()
      })
    })
    return bounded
  }

  /** The port in use; 0 at a Unix socket. */
  get port(): number {
    const address: AddressInfo | string | null = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Closes connections at once: no client is worth a late stop. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#open) socket.destroy()
    await closed
  }

  /** Not by `maxConnections` of Node's, which closes the newest. */
  #accept(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#answering.delete(socket)
    })
    if (this.#open.size <= MAX_CONNECTIONS) return
    const oldest = [...this.#open].find((open) => !this.#answering.has(open)) ?? socket
    this.#open.delete(oldest)
    oldest.destroy()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#answering.add(request.socket)
    const answer = await this.#answer(request)
    const { status, text, contentType = 'text/plain; charset=utf-8', headers, stream } = answer
    if (stream !== undefined && request.method === 'GET') {
      response.writeHead(status, { 'content-type': contentType, connection: 'close', ...headers })
      response.flushHeaders()
      stream(response)
      return
    }
    response.writeHead(status, {
      'content-type': contentType,
      'content-length': Buffer.byteLength(text),
      connection: 'close',
      ...headers,
    })
    response.end(text)
  }

  async #answer({ method = '', url = '', headers, socket }: IncomingMessage): Promise<Answer> {
    if (!METHODS.includes(method)) {
      const allow = METHODS.join(', ')
      return { status: 405, text: `the methods are ${allow}`, headers: { allow } }
    }
    const { host, path } = targetOf(url, headers.host)
    // A Unix socket has no port, and no browser reaches it.
    if (socket.localPort !== undefined && !this.#options.admitsHost(host)) {
      return {
        status: 421,
        text: 'this host is not known by the name in the Host header: ask by its address, or by localhost',
      }
    }
    try {
      return await this.#options.answer(path.split('?', 1)[0] ?? '', headers)
    } catch (error) {
      return { status: 500, text: error instanceof Error ? error.message : (STATUS_CODES[500] ?? '') }
    }
  }
}

/** Of an absolute URI, as a client sends it to a proxy, the authority counts, and the header does not (RFC 9112, 3.2.2). */
function targetOf(url: string, header: string | undefined): { host: string | undefined; path: string } {
  const [, host, path] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url) ?? []
  return host === undefined ? { host: header, path: url } : { host, path: path || '/' }
}
