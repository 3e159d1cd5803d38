import { readFile } from 'node:fs/promises'
import { OverlayError } from '@selvedge/core'
import type { KubeUrlAccess } from './access.js'
import { AgentKeeper, type Connection, type Connector } from './connection.js'

/** Connects to a named API server. Reads the files for every request: they are small, and may be rotated. */
export class UrlConnector implements Connector {
  readonly #access: KubeUrlAccess
  readonly #url: URL
  readonly #agents = new AgentKeeper()

  constructor(access: KubeUrlAccess) {
    this.#access = access
    this.#url = parseApiUrl(access.apiUrl)
    if ((access.certFile === undefined) !== (access.keyFile === undefined)) {
      throw new OverlayError('INVALID_CONFIG', 'a client certificate needs both certFile and keyFile')
    }
  }

  async connect(): Promise<Connection> {
    const { caFile, certFile, keyFile, insecureSkipTlsVerify } = this.#access
    const [ca, cert, key, token] = await Promise.all([
      read('certificate authority', caFile),
      read('client certificate', certFile),
      read("client certificate's key", keyFile),
      this.#token(),
    ])
    const tls = { ca, cert, key, rejectUnauthorized: insecureSkipTlsVerify !== true }
    return {
      url: this.#url,
      agent: this.#agents.agentFor(this.#url, tls),
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    }
  }

  /** Nothing is kept. */
  forget(): void {}

  close(): void {
    this.#agents.close()
  }

  async #token(): Promise<string | undefined> {
    const { token, tokenFile } = this.#access
    const text = tokenFile === undefined ? token : await read('token', tokenFile)
    return text?.trim()
  }
}

/** Throws an OverlayError `INVALID_CONFIG` that does not repeat a password in it. */
export function parseApiUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new OverlayError('INVALID_CONFIG', "the API server's URL must be such as https://10.96.0.1:443")
  }
  if (url.username !== '' || url.password !== '') {
    throw new OverlayError(
      'INVALID_CONFIG',
      `the URL of the API server at ${url.host} carries a user or password, which Kubernetes does not take: ` +
        'give a token or a client certificate',
    )
  }
  return url
}

async function read(what: string, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new OverlayError(
      'ACCESS_DENIED',
      `reading the ${what} for the API server from ${file}: ${String(cause)}`,
      {
        cause,
      },
    )
  }
}
