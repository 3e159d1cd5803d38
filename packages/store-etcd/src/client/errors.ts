/**
 * What went wrong with a call to etcd.
 *
 * - `unavailable`: no answer, or one that says to ask again (no leader, too many requests)
 * - `untrusted`: the server's certificate is not valid
 * - `client-certificate`: the server refuses ours
 * - `denied`: the user lacks the permission
 * - `token`: the user's token has expired
 * - `auth-off`: authentication is disabled
 * - `compacted`: the revision was compacted, or is one that this history has not reached
 * - `lease-gone`: there is no etcd lease of that number
 * - `too-long`: the answer is longer than this client takes
 * - `full`: etcd's space quota is used up
 * - `closed`: the client was closed
 * - `refused`: any other refusal
 */
export type FailureKind =
  | 'unavailable'
  | 'untrusted'
  | 'client-certificate'
  | 'denied'
  | 'token'
  | 'auth-off'
  | 'compacted'
  | 'lease-gone'
  | 'too-long'
  | 'full'
  | 'closed'
  | 'refused'

export interface Failure {
  readonly kind: FailureKind
  /** The error's own text, without what gRPC wraps around it. */
  readonly said: string
  readonly cause: unknown
}

/** A failure as an error, to throw inside a call. */
export class EtcdFailure extends Error {
  readonly failure: Failure

  constructor(kind: FailureKind, said: string) {
    super(said)
    this.failure = { kind, said, cause: this }
  }
}

/** The first match counts. etcd's texts are those of api/v3rpc/rpctypes/error.go. */
const KINDS: readonly (readonly [FailureKind, RegExp])[] = [
  ['client-certificate', /\balert\b.*\b(certificate|unknown ca|access denied)/i],
  ['untrusted', /certificate|altname|self.signed/i],
  ['denied', /permission denied|authentication failed|user name is empty|PERMISSION_DENIED/i],
  ['auth-off', /authentication is not enabled/i],
  ['token', /invalid auth token|revision of auth store is old|UNAUTHENTICATED/i],
  ['compacted', /revision has been compacted|is a future revision/i],
  ['lease-gone', /requested lease not found/i],
  ['full', /database space exceeded/i],
  ['closed', /client was already closed/i],
  ['too-long', /(received|send) message larger than max/i],
  ['refused', /larger than max/i],
  [
    'unavailable',
    /no leader|leader changed|timed out|too many requests|not capable|server stopped|unhealthy/i,
  ],
  ['unavailable', /UNAVAILABLE|DEADLINE_EXCEEDED|CANCELLED|UNKNOWN|INTERNAL|ABORTED|RESOURCE_EXHAUSTED/],
]

/** The kind of failure of an error of etcd3 or grpc-js. By its text: etcd3 keeps nothing else. */
export function classify(error: unknown): Failure {
  if (error instanceof EtcdFailure) return error.failure
  const text = error instanceof Error ? error.message : String(error)
  const kind = KINDS.find(([, pattern]) => pattern.test(text))?.[0] ?? 'refused'
  return { kind, said: plainText(kind, text), cause: error }
}

const GRPC_CODE = /^(?:Error: )?\d+ [A-Z_]+: /

/** Of `14 UNAVAILABLE: No connection established. Last error: Error: connect ECONNREFUSED …`, the last part. */
function plainText(kind: FailureKind, text: string): string {
  const said = text
    .replace(GRPC_CODE, '')
    .replace(/^No connection established\. Last error: /, '')
    .replace(/^Error: /, '')
    .replace(/\.? ?Resolution note:.*$/s, '')
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)/, '')
    .replace(/^Deadline exceeded after ([\d.]+)s.*$/s, 'no answer within $1 s')
    .replace(/^rpc error: code = \w+ desc = /, '')
    .trim()
  // OpenSSL's own text: 80EC24148D7F0000:error:0A000412:SSL routines:…:sslv3 alert bad certificate:file:line:…
  const alert = kind === 'client-certificate' ? /alert [a-z ]+/i.exec(said)?.[0] : undefined
  return alert === undefined ? said : `TLS ${alert.trim()}`
}
