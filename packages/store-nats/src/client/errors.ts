/**
 * What went wrong with a request to NATS.
 *
 * - `outdated`: a key has been written since it was read
 * - `no-stream`: there is no such bucket
 * - `unavailable`: no answer, or one that says to ask again (no leader, no quorum)
 * - `no-jetstream`: the server, or the account there, has no JetStream; it is asked again as well
 * - `denied`: the server does not know the user
 * - `forbidden`: the user may not publish or subscribe to a subject
 * - `untrusted`: TLS failed: the certificate of the server is not valid, or only one side speaks TLS
 * - `client-certificate`: the server refuses this client's certificate, or asks for one
 * - `full`: the bucket or the account has no room left
 * - `exists`: the bucket exists with other settings
 * - `refused`: any other refusal
 */
export type FailureKind =
  | 'outdated'
  | 'no-stream'
  | 'unavailable'
  | 'no-jetstream'
  | 'denied'
  | 'forbidden'
  | 'untrusted'
  | 'client-certificate'
  | 'full'
  | 'exists'
  | 'refused'

export interface Failure {
  readonly kind: FailureKind
  /** What the server, the client library or the system said. */
  readonly said: string
  readonly cause: unknown
  /** The server that it is about, for one that does not let this client in. */
  readonly at?: string | undefined
  /** What is not permitted, if it is `forbidden`. */
  readonly forbidden?: Forbidden | undefined
  /** True if another server of the cluster may let this client in yet. */
  readonly mayPass?: boolean | undefined
}

export interface Forbidden {
  readonly operation: 'publish' | 'subscribe'
  readonly subject: string
}

/** A failure that only the caller can judge. */
export class NatsFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure) {
    super(failure.said, { cause: failure.cause })
    this.failure = failure
  }
}

/** Whether it may succeed if it is asked again. */
export const mayPass = ({ kind, mayPass }: Failure): boolean =>
  kind === 'unavailable' || kind === 'no-jetstream' || mayPass === true

/** Nobody takes the request: a server without JetStream answers this, and a cluster that has no leader for it yet. */
export const isUnheard = ({ cause }: Failure): boolean =>
  causesOf(cause).some(({ name }) => /^(NoResponders(Error)?|JetStreamNotEnabled)$/.test(name))

/** The library gave up waiting for the answer to a request. */
export const isTimeout = (error: unknown): boolean => error instanceof Error && error.name === 'TimeoutError'

export const isFailure = (error: unknown, kind: FailureKind): error is NatsFailure =>
  error instanceof NatsFailure && error.failure.kind === kind

/** JetStream's error codes: server/errors.json of nats-server. */
const API_CODES: ReadonlyMap<number, FailureKind> = new Map([
  [10_071, 'outdated'],
  [10_164, 'outdated'],
  [10_059, 'no-stream'],
  [10_058, 'exists'],
  [10_065, 'exists'],
  [10_023, 'full'],
  [10_028, 'full'],
  [10_047, 'full'],
  [10_077, 'full'],
  // The cluster cannot do it now: no leader, no quorum, no peers, not ready yet; or it is making the bucket (10096).
  [10_002, 'unavailable'],
  [10_005, 'unavailable'],
  [10_008, 'unavailable'],
  [10_009, 'unavailable'],
  [10_096, 'unavailable'],
  [10_118, 'unavailable'],
  // For the account, and at all.
  [10_039, 'no-jetstream'],
  [10_076, 'no-jetstream'],
])

/** By the names of the library's classes: there may be two copies of it in one process. */
const NAMES: ReadonlyMap<string, FailureKind> = new Map([
  ['AuthorizationError', 'denied'],
  ['UserAuthenticationExpiredError', 'denied'],
  ['PermissionViolationError', 'forbidden'],
  ['StreamNotFoundError', 'no-stream'],
  ['TimeoutError', 'unavailable'],
  ['NoResponders', 'unavailable'],
  ['NoRespondersError', 'unavailable'],
  // What the server says last before it closes the connection: it has too many, or takes this client for too slow.
  ['ProtocolError', 'unavailable'],
  ['ConnectionError', 'unavailable'],
  ['ClosedConnectionError', 'unavailable'],
  ['DrainingConnectionError', 'unavailable'],
  // No stream takes the subject, which is also what a cluster without a leader answers.
  ['JetStreamNotEnabled', 'unavailable'],
])

/** OpenSSL's words for what the server, which has seen this client's certificate, answers. */
const ALERT = /\balert (?:number \d+|[\w ]*(?:certificate|unknown ca|access denied)[\w ]*)/i

const TLS =
  /certificate|self.signed|altname|\bSSL\b|\bTLS\b|ERR_TLS|ERR_SSL|\balert\b|UNABLE_TO_|DEPTH_ZERO|CERT_/i

export function classify(error: unknown): Failure {
  if (error instanceof NatsFailure) return error.failure
  const chain = causesOf(error)
  const said = chain.map(textOf).findLast((text) => text !== '') ?? 'an error without a message'
  // The innermost says most: what is around it only says that a request or a connection failed.
  for (const each of [...chain].reverse()) {
    const kind = kindOf(each)
    if (kind === undefined) continue
    if (kind === 'client-certificate') return { kind, said: `TLS ${alertOf(each)}`, cause: error }
    return { kind, said, cause: error, ...(kind === 'forbidden' && { forbidden: forbiddenBy(each) }) }
  }
  return { kind: chain.some(isCutOff) ? 'unavailable' : 'refused', said, cause: error }
}

/** A request that was under way when the connection ended. */
const isCutOff = ({ name, message }: Error): boolean =>
  name === 'RequestError' && /connection (closed|disconnected)|cancelled/.test(message)

const alertOf = ({ message }: Error): string => (ALERT.exec(message)?.[0] ?? message).trim()

function forbiddenBy(error: Error): Forbidden | undefined {
  const { operation, subject } = error as { operation?: unknown; subject?: unknown }
  if (typeof subject !== 'string') return undefined
  return { operation: operation === 'publish' ? 'publish' : 'subscribe', subject }
}

function kindOf(error: Error): FailureKind | undefined {
  const { code, status } = error as { code?: unknown; status?: unknown }
  if (typeof code === 'number') {
    const known = API_CODES.get(code)
    if (known !== undefined) return known
    if (status === 503 || status === 408) return 'unavailable'
    // NATS 2.9 says so of a bucket that it is just making or deleting, under a code that means any failure of a delivery.
    if (error.message === 'invalid stream') return 'unavailable'
  }
  if (ALERT.test(error.message)) return 'client-certificate'
  if (typeof code === 'string') {
    if (TLS.test(code)) return 'untrusted'
    if (/^(E[A-Z]+|ENOTFOUND)$/.test(code)) return 'unavailable'
  }
  const byName = NAMES.get(error.name)
  // A connection that TLS has refused is a ConnectionError too.
  if (byName === 'unavailable' || byName === undefined) {
    if (TLS.test(error.message)) return 'untrusted'
  }
  return byName
}

/** The error and what caused it, outermost first; bounded, for a cause may be its own. */
function causesOf(error: unknown): readonly Error[] {
  const chain: Error[] = []
  for (let each = error; each instanceof Error && chain.length < 8; each = each.cause) chain.push(each)
  return chain.length > 0 ? chain : [new Error(String(error))]
}

const textOf = ({ message }: Error): string => message.trim()
