import { readFile } from 'node:fs/promises'
import { OverlayError } from '@selvedge/core'
import type { KubeUrlAccess } from './access.js'
import type { Connection, Connector, TlsOptions } from './connector.js'
import type { HttpAgentCache } from './http-agent-cache.js'

/** Text, or the file that holds it. */
export type Source = { readonly text: string } | { readonly file: string }

/** An API server, and how to authenticate there. */
export interface Target {
  readonly url: URL
  /** PEM of the authorities that may sign the server's certificate. Default: those that Node.js trusts. */
  readonly ca?: Source | undefined
  /** PEM of a client certificate, and of its key. */
  readonly cert?: Source | undefined
  readonly key?: Source | undefined
  /** A bearer token. */
  readonly token?: Source | undefined
  /** The name in the server's certificate, if it differs from the URL's. */
  readonly servername?: string | undefined
  readonly insecureSkipTlsVerify: boolean
}

/** Connects to a target. Reads its files for every request: they are small, and may be rotated at any time. */
export class TargetConnector implements Connector {
  readonly #target: Target
  readonly #agents: HttpAgentCache

  /** @param agents closed with this connector; an earlier connector may have used them */
  constructor(target: Target, agents: HttpAgentCache) {
    this.#target = target
    this.#agents = agents
    if ((target.cert === undefined) !== (target.key === undefined)) {
      throw new OverlayError(
        'INVALID_CONFIG',
        'a client certificate is given without its key, or a key without its certificate',
      )
    }
  }

  async connect(): Promise<Connection> {
    const { url, servername, insecureSkipTlsVerify } = this.#target
    const [ca, cert, key, token] = await Promise.all([
      read('certificate authority', this.#target.ca),
      read('client certificate', this.#target.cert),
      read("client certificate's key", this.#target.key),
      read('token', this.#target.token),
    ])
    const tls: TlsOptions = {
      rejectUnauthorized: !insecureSkipTlsVerify,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(servername !== undefined && { servername }),
    }
    return {
      url,
      agent: this.#agents.agentFor(url, tls),
      headers: token === undefined ? {} : { authorization: `Bearer ${token.trim()}` },
    }
  }

  /** Nothing is cached. */
  forget(): void {}

  close(): void {
    this.#agents.close()
  }
}

/** The target that the options name. Throws an OverlayError `INVALID_CONFIG` for an invalid URL. */
export function targetOf(access: KubeUrlAccess): Target {
  const { caFile, certFile, keyFile, token, tokenFile } = access
  const file = (path: string | undefined): Source | undefined =>
    path === undefined ? undefined : { file: path }
  return {
    url: parseApiUrl(access.apiUrl),
    ca: file(caFile),
    cert: file(certFile),
    key: file(keyFile),
    token: file(tokenFile) ?? (token === undefined ? undefined : { text: token }),
    insecureSkipTlsVerify: access.insecureSkipTlsVerify ?? false,
  }
}

/** Throws an OverlayError `INVALID_CONFIG`, which repeats no password, for an invalid URL. */
export function parseApiUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new OverlayError('INVALID_CONFIG', "the API server's URL must look like https://10.96.0.1:443")
  }
  if (url.username !== '' || url.password !== '') {
    throw new OverlayError(
      'INVALID_CONFIG',
      `the URL of the API server at ${url.host} contains a user or password, which Kubernetes does not accept: ` +
        'use a token or a client certificate',
    )
  }
  return url
}

async function read(what: string, source: Source | undefined): Promise<string | undefined> {
  if (source === undefined || 'text' in source) return source?.text
  try {
    return await readFile(source.file, 'utf8')
  } catch (cause) {
    throw new OverlayError(
      'ACCESS_DENIED',
      `reading the ${what} for the API server from ${source.file}: ${String(cause)}`,
      { cause },
    )
  }
}
