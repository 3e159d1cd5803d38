import { createServer, type Server } from 'node:http'
import { OverlayError } from '@selvedge/core'

/** What is served; asked at each request. */
export interface Served {
  /** Why pods cannot be set up yet; undefined if they can. */
  notReady(): string | undefined
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly contentType?: string
}

/** How long a client may take to send a request. */
const REQUEST_TIMEOUT_MS = 5_000

/**
 * Serves what flanneld serves on its health port, and metrics. Resolves once it listens; rejects with `INVALID_CONFIG` if
 * it cannot.
 */
export async function serveHealth(
  address: { ip: string; port: number },
  served: Served,
): Promise<HealthServer> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    void answer(request.url ?? '', served).then(
      ({ status, text, contentType = 'text/plain; charset=utf-8' }) => {
        response.writeHead(status, { 'content-type': contentType }).end(text)
      },
    )
  })
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: Error): void =>
      reject(new OverlayError('INVALID_CONFIG', `serving health and metrics: ${cause.message}`, { cause }))
    server.once('error', refuse).listen({ host: address.ip, port: address.port }, () => {
      server.off('error', refuse)
      resolve()
    })
  })
  return new HealthServer(server)
}

export class HealthServer implements AsyncDisposable {
  readonly #server: Server

  constructor(server: Server) {
    this.#server = server
  }

  /** The port; if 0 was requested, the one that was free. */
  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  /** Closes connections at once: no client is worth a late stop. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}

/** The texts up to the first colon are flanneld's. */
async function answer(url: string, served: Served): Promise<Answer> {
  switch (url.split('?')[0]) {
    case '/healthz':
      return { status: 200, text: 'flanneld is running' }
    case '/readyz': {
      const why = served.notReady()
      return why === undefined
        ? { status: 200, text: 'flanneld is ready' }
        : { status: 503, text: `flanneld is not ready yet: ${why}` }
    }
    case '/metrics':
      try {
        return { status: 200, ...(await served.metrics()) }
      } catch (error) {
        return { status: 500, text: `gathering metrics: ${error instanceof Error ? error.message : error}` }
      }
    default:
      return { status: 404, text: 'the paths are /healthz, /readyz and /metrics' }
  }
}
