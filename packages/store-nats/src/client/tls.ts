import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import { OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'

/**
 * TLS: each part as PEM text, or as the path of a file, which is read again for each connection, so that renewed
 * certificates are used without a restart. `certFile` and `keyFile` are this node's own, for servers that verify their
 * clients. Default authorities: Node.js's.
 */
export interface NatsTls {
  /** The authorities that may have signed the servers' certificates, as PEM text. */
  readonly ca?: string | undefined
  /** The same, as the path of a file. */
  readonly caFile?: string | undefined
  /** This node's own certificate, as PEM text, if servers ask for one. Needs its key. */
  readonly cert?: string | undefined
  /** The same, as the path of a file. */
  readonly certFile?: string | undefined
  /** The private key of this node's certificate, as PEM text, not encrypted. */
  readonly key?: string | undefined
  /** The same, as the path of a file. */
  readonly keyFile?: string | undefined
}

const PARTS = ['ca', 'cert', 'key'] as const

type Part = (typeof PARTS)[number]

/** Says which parts are missing or given twice; undefined if none. */
export function whyNoTls(tls: NatsTls): string | undefined {
  const isGiven = (part: Part): boolean => (tls[part] ?? tls[`${part}File`]) !== undefined
  const twice = PARTS.find((part) => tls[part] !== undefined && tls[`${part}File`] !== undefined)
  if (twice !== undefined) return `tls has ${twice} and ${twice}File; give one of them`
  if (isGiven('cert') === isGiven('key')) return undefined
  const [given, missing] = isGiven('cert') ? ['certificate', 'key'] : ['key', 'certificate']
  return `tls has a ${given} without its ${missing}; give both, or neither`
}

/**
 * Reads all parts, and checks what TLS would ignore, or refuse with a worse message. Rejects with an OverlayError
 * `INVALID_CONFIG`, which never quotes a key.
 */
export async function readTls(tls: NatsTls): Promise<SecureContext> {
  const [ca, cert, key] = await Promise.all(PARTS.map((part) => read(tls, part)))
  if (ca !== undefined) requireCertificate(ca, tls.caFile)
  try {
    return createSecureContext({ ca, cert, key })
  } catch (error) {
    // Without its cause: OpenSSL does not promise that it never quotes its input.
    const why = error instanceof Error ? printable(error.message) : 'they are not valid'
    const where = tls.certFile === undefined ? '' : ` from ${tls.certFile} and ${tls.keyFile}`
    throw new OverlayError(
      'INVALID_CONFIG',
      `reading the TLS certificate and key for NATS${where}: ${why}; give a certificate and its own key, not encrypted, as PEM`,
    )
  }
}

async function read(tls: NatsTls, part: Part): Promise<string | undefined> {
  const path = tls[`${part}File`]
  if (path === undefined) return tls[part]
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw OverlayError.from(error, 'INVALID_CONFIG', `reading the TLS ${part} for NATS from ${path}`)
  }
}

/** OpenSSL ignores a CA that is none. */
function requireCertificate(ca: string, path: string | undefined): void {
  try {
    new X509Certificate(ca)
  } catch (error) {
    const where = path === undefined ? '' : ` from ${path}`
    throw OverlayError.from(
      error,
      'INVALID_CONFIG',
      `reading the TLS CA for NATS${where}, which must be PEM text`,
    )
  }
}
