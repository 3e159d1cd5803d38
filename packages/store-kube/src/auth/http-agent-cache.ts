import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Connection } from './connector.js'

/** Idle time before the kernel's first keepalive probe. Ten more follow, a second apart: a dead host is found in 25 s. */
export const TCP_KEEPALIVE_MS = 15_000

/**
 * Keeps one agent, and with it the connections to the API server, until what it was made from changes. A request in
 * progress keeps the agent that it started with.
 */
export class HttpAgentCache {
  #agent: HttpAgent | HttpsAgent | undefined
  #madeFrom: string | undefined
  #retired: (HttpAgent | HttpsAgent)[] = []

  agentFor({ url, tls, makeAgent }: Connection): HttpAgent | HttpsAgent {
    const madeFrom = JSON.stringify([url.protocol, makeAgent !== undefined, Object.values(tls).map(String)])
    if (this.#agent !== undefined && this.#madeFrom === madeFrom) return this.#agent
    this.#retire()
    const options = { keepAlive: true, keepAliveMsecs: TCP_KEEPALIVE_MS }
    this.#agent =
      makeAgent?.() ??
      (url.protocol === 'http:' ? new HttpAgent(options) : new HttpsAgent({ ...options, ...tls }))
    this.#madeFrom = madeFrom
    return this.#agent
  }

  /** Closes the connections that no request is using. */
  closeIdle(): void {
    if (this.#agent !== undefined) closeIdle(this.#agent)
  }

  close(): void {
    this.#agent?.destroy()
    for (const agent of this.#retired) agent.destroy()
  }

  #retire(): void {
    if (this.#agent === undefined) return
    // With no room for idle ones, a connection closes when its request is done.
    this.#agent.maxFreeSockets = 0
    closeIdle(this.#agent)
    this.#retired = [...this.#retired, this.#agent].filter(({ sockets }) => Object.keys(sockets).length > 0)
  }
}

function closeIdle({ freeSockets }: HttpAgent | HttpsAgent): void {
  for (const sockets of Object.values(freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}
