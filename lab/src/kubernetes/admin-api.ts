import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'

/** What the API server answered. */
export interface Reply {
  readonly status: number
  readonly body: Buffer
}

/** A client of an API server that shares no code with what is tested or measured. */
export class AdminApi {
  readonly #url: string
  readonly #agent: Agent
  readonly #token: string

  constructor(url: string, caFile: string, token: string) {
    this.#url = url
    this.#agent = new Agent({ keepAlive: true, ca: readFileSync(caFile), maxSockets: 16 })
    this.#token = token
  }

  get<T = unknown>(path: string): Promise<T> {
    return this.json('GET', path)
  }

  post<T = unknown>(path: string, body: object): Promise<T> {
    return this.json('POST', path, body)
  }

  delete<T = unknown>(path: string): Promise<T> {
    return this.json('DELETE', path)
  }

  /** A strategic merge patch: what is null goes. */
  patch<T = unknown>(path: string, body: object): Promise<T> {
    return this.json('PATCH', path, body, 'application/strategic-merge-patch+json')
  }

  /** Rejects unless the answer is of the 200s. */
  async json<T>(method: string, path: string, body?: object, contentType = 'application/json'): Promise<T> {
    const reply = await this.send(method, path, { body, contentType })
    const text = reply.body.toString()
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${text.slice(0, 500)}`)
    return JSON.parse(text) as T
  }

  send(
    method: string,
    path: string,
    options: { body?: object | undefined; contentType?: string; accept?: string } = {},
  ): Promise<Reply> {
    const { body, contentType = 'application/json', accept = 'application/json' } = options
    const text = body === undefined ? undefined : JSON.stringify(body)
    return new Promise((resolve, reject) => {
      const call = request(`${this.#url}${path}`, {
        method,
        agent: this.#agent,
        headers: {
          accept,
          authorization: `Bearer ${this.#token}`,
          ...(text === undefined
            ? {}
            : { 'content-type': contentType, 'content-length': Buffer.byteLength(text) }),
        },
      })
      call.on('error', reject)
      call.on('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
      })
      call.end(text)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
