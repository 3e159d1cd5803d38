import type { Agent as HttpAgent } from 'node:http'
import type { AgentOptions, Agent as HttpsAgent } from 'node:https'

/** Where to send a request, and what authenticates it. */
export interface Connection {
  /** Of the API server, without a slash at its end. */
  readonly url: URL
  readonly tls: TlsOptions
  readonly headers: Readonly<Record<string, string>>
  /** Makes the agent if `tls` alone cannot, as with a proxy. */
  readonly makeAgent?: (() => HttpAgent | HttpsAgent) | undefined
}

/** What of TLS an agent is made from. */
export type TlsOptions = Pick<
  AgentOptions,
  'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'
>

/** Asked for a connection before every request. */
export interface Connector {
  connect(): Promise<Connection>
  /** Drops cached credentials, because the API server rejected them. */
  forget(): void
  /** Ends what it started. */
  close(): void
}

/** Shows, while `work` lasts, what is waited for: a sentence for an operator. */
export type ShowWait = <T>(message: string, work: () => Promise<T>) => Promise<T>
