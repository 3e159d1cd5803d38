import { Agent as HttpAgent } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent } from 'node:https'

/** Where a request goes and what it carries. */
export interface Connection {
  /** Of the API server, without a slash at its end. */
  readonly url: URL
  readonly agent: HttpAgent | HttpsAgent
  readonly headers: Readonly<Record<string, string>>
}

/** What an agent is made of: another agent is needed where any of it changes. */
export type TlsOptions = Pick<
  AgentOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'
>

/** Who asks for a connection before every request. */
export interface Connector {
  connect(): Promise<Connection>
  /** The API server did not take the credentials: read them anew, whatever was kept. */
  forget(): void
  close(): void
}

/** A dead peer is found after this long, in ms, and ten probes more, a second apart. */
export const TCP_KEEPALIVE = 15_000

/** Closes the connections that no request uses now. */
export function closeIdle(agent: HttpAgent | HttpsAgent): void {
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy()
}

/**
 * Keeps one agent, and with it the connections to the API server, until what it was made of changes. A request under
 * way keeps the agent that it began with.
 */
export class AgentKeeper {
  #agent: HttpAgent | HttpsAgent | undefined
  #madeOf: string | undefined
  #retired: (HttpAgent | HttpsAgent)[] = []

  /** @param make makes the agent, where it is not to be made of `tls` alone: for proxies */
  agentFor(url: URL, tls: TlsOptions, make?: () => HttpAgent | HttpsAgent): HttpAgent | HttpsAgent {
    const madeOf = JSON.stringify([url.protocol, make !== undefined, Object.values(tls).map(String)])
    if (this.#agent !== undefined && this.#madeOf === madeOf) return this.#agent
    this.#retire()
    const options = { keepAlive: true, keepAliveMsecs: TCP_KEEPALIVE }
    this.#agent =
      make?.() ?? (url.protocol === 'http:' ? new HttpAgent(options) : new HttpsAgent({ ...options, ...tls }))
    this.#madeOf = madeOf
    return this.#agent
  }

  close(): void {
    this.#agent?.destroy()
    for (const agent of this.#retired) agent.destroy()
  }

  #retire(): void {
    if (this.#agent === undefined) return
    // A connection is closed once its request is done.
    this.#agent.maxFreeSockets = 0
    closeIdle(this.#agent)
    this.#retired = [...this.#retired, this.#agent].filter(({ sockets }) => Object.keys(sockets).length > 0)
  }
}
