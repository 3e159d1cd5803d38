import type { ErrorCode } from '@selvedge/core'

/** Why TLS failed, if that is why a request did, and what to do. */
export interface TlsFailure {
  readonly code: ErrorCode
  readonly explanation: string
}

/** OpenSSL's: `…:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:…:SSL alert number 48`. */
const ALERT = /alert ((?:bad |unknown )?(?:certificate|ca)(?: [a-z]+)?|access denied)\b/i

/** Of Node.js: `unable to verify the first certificate`, `Hostname/IP does not match certificate's altnames: …`. */
const UNTRUSTED = /certificate|altnames|self.signed/i

const SKIPPED: ReadonlySet<unknown> = new Set(['ECONNRESET', 'ECONNREFUSED', 'EPIPE'])

/** Undefined for an error of another kind. */
export function tlsFailure(error: unknown): TlsFailure | undefined {
  if (!(error instanceof Error) || SKIPPED.has(Reflect.get(error, 'code'))) return undefined
  const alert = ALERT.exec(error.message)?.[1]
  if (alert !== undefined) {
    return {
      code: 'ACCESS_DENIED',
      explanation: `it refuses the TLS client certificate (alert ${alert}): give one that an authority it trusts has signed, and that has not expired`,
    }
  }
  if (!UNTRUSTED.test(error.message)) return undefined
  return {
    code: 'STORE_UNAVAILABLE',
    explanation: `its certificate is not valid (${error.message}): check it, and the certificate authority that this node is given for it`,
  }
}
