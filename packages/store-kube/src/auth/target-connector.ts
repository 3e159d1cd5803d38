import { OverlayError } from '@selvedge/core'
import { readTextFile } from '../read-file.js'
import type { KubeUrlAccess } from './access.js'
import type { Connection, Connector, ShowWait, TlsOptions } from './connector.js'
import { ExecPlugin, type PluginConfig } from './exec-plugin.js'
import type { Credential } from './plugin-answer.js'

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
  /** Its answer takes precedence over the token and the certificate. */
  readonly plugin?: PluginConfig | undefined
  /** The name in the server's certificate, if it differs from the URL's. */
  readonly servername?: string | undefined
  readonly insecureSkipTlsVerify: boolean
}

/** The CAs that an operating system trusts take a quarter of it. */
const MAX_PEM_BYTES = 1024 * 1024

/** A longer header is refused by most servers. */
const MAX_TOKEN_BYTES = 64 * 1024

/** Connects to a target. Reads its files for every request: they are small, and may be rotated at any time. */
export class TargetConnector implements Connector {
  readonly #target: Target
  readonly #plugin: ExecPlugin | undefined

  constructor(target: Target, showWait: ShowWait) {
    this.#target = target
    this.#plugin = target.plugin && new ExecPlugin(target.plugin, showWait)
    if ((target.cert === undefined) !== (target.key === undefined)) {
      throw new OverlayError(
        'INVALID_CONFIG',
        'a client certificate is given without its key, or a key without its certificate',
      )
    }
  }

  async connect(): Promise<Connection> {
    const { url, servername, insecureSkipTlsVerify } = this.#target
    const credential: Credential = (await this.#plugin?.credential()) ?? {}
    const [ca, cert, key, token] = await Promise.all([
      read('certificate authority', this.#target.ca, MAX_PEM_BYTES),
      credential.cert ?? read('client certificate', this.#target.cert, MAX_PEM_BYTES),
      credential.key ?? read("client certificate's key", this.#target.key, MAX_PEM_BYTES),
      credential.token ?? read('token', this.#target.token, MAX_TOKEN_BYTES),
    ])
    const tls: TlsOptions = {
      rejectUnauthorized: !insecureSkipTlsVerify,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(servername !== undefined && { servername }),
    }
    return { url, tls, headers: token === undefined ? {} : { authorization: bearer(token) } }
  }

  /** Files are not cached, the answer of a plugin is. */
  forget(): void {
    this.#plugin?.forget()
  }

  close(): void {
    this.#plugin?.close()
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

/** Throws an OverlayError `ACCESS_DENIED` for a text that no header may contain. */
function bearer(token: string): string {
  const text = token.trim()
  if (/^[\x21-\x7e]+$/.test(text)) return `Bearer ${text}`
  throw new OverlayError(
    'ACCESS_DENIED',
    text === ''
      ? 'the token for the API server is empty'
      : 'the token for the API server contains spaces, or characters that a header may not contain',
  )
}

async function read(what: string, source: Source | undefined, maxBytes: number): Promise<string | undefined> {
  if (source === undefined || 'text' in source) return source?.text
  try {
    return await readTextFile(source.file, maxBytes)
  } catch (cause) {
    throw new OverlayError(
      'ACCESS_DENIED',
      `reading the ${what} for the API server from ${source.file}: ${String(cause)}`,
      { cause },
    )
  }
}
