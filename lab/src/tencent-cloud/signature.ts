import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** An API key. */
export interface ApiKey {
  readonly secretId: string
  readonly secretKey: string
  /** Of temporary ones. */
  readonly token?: string
}

/** How far a request's time may be off, in seconds. */
const MAX_SKEW_S = 300

const HEADER =
  /^TC3-HMAC-SHA256 Credential=([^/]+)\/(\d{4}-\d\d-\d\d)\/([^/]+)\/tc3_request, SignedHeaders=content-type;host, Signature=([0-9a-f]{64})$/

/**
 * Why a request is not signed as TC3-HMAC-SHA256 has it (https://cloud.tencent.com/document/api/1427/56189): a code and a
 * message, as API 3.0 answers; undefined if it is.
 *
 * Tencent's client signs the host without its port, which on port 443 is the same.
 */
export function whyNotSigned(
  headers: IncomingHttpHeaders,
  body: string,
  keys: readonly ApiKey[],
  nowMs: number,
): readonly [code: string, message: string] | undefined {
  const found = HEADER.exec(headers.authorization ?? '')
  if (found === null) return ['AuthFailure.InvalidAuthorization', 'The Authorization header is invalid.']
  const [, secretId = '', date = '', service = '', signature = ''] = found
  const timestamp = Number(headers['x-tc-timestamp'])
  if (!(Math.abs(nowMs / 1000 - timestamp) <= MAX_SKEW_S)) {
    return [
      'AuthFailure.SignatureExpire',
      'The request timestamp differs from the server time by more than five minutes.',
    ]
  }
  if (date !== new Date(timestamp * 1000).toISOString().slice(0, 10)) {
    return ['AuthFailure.SignatureFailure', 'The date of the credential is not that of the timestamp.']
  }
  const key = keys.find((one) => one.secretId === secretId)
  if (key === undefined) return ['AuthFailure.SecretIdNotFound', `The SecretId ${secretId} is not found.`]
  if (key.token !== headers['x-tc-token']) return ['AuthFailure.TokenFailure', 'Token verification failed.']
  const host = (headers.host ?? '').replace(/:\d+$/, '')
  const canonical = `POST\n/\n\ncontent-type:${headers['content-type']}\nhost:${host}\n\ncontent-type;host\n${sha256(body)}`
  const toSign = `TC3-HMAC-SHA256\n${timestamp}\n${date}/${service}/tc3_request\n${sha256(canonical)}`
  const signing = [date, service, 'tc3_request'].reduce<string | Buffer>(hmac, `TC3${key.secretKey}`)
  if (
    service !== host.split('.')[0] ||
    !timingSafeEqual(hmac(signing, toSign), Buffer.from(signature, 'hex'))
  ) {
    return ['AuthFailure.SignatureFailure', 'The provided credentials could not be validated.']
  }
  return undefined
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
