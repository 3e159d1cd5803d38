import type { SecureContext } from 'node:tls'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { classify, type Failure, NatsFailure } from './errors.js'
import type { Identity } from './identity.js'
import { type Candidate, isAddress } from './server-pool.js'
import { hostAndPort } from './server-url.js'
import { certificateRefusal, type ServerTls } from './tls-alert.js'

/**
 * How often an idle connection is pinged, in ms; two pings without an answer end it. So a server that is stopped, or was
 * cut off without a word, is noticed within 9 s; the library's default is six minutes.
 */
const PING_MS = 3_000

/** How long connecting to one server may take, in ms: the kernel sends three SYNs in that time (at 0, 1 and 3 s). */
const CONNECT_TIMEOUT_MS = 3_500

export interface DialOptions {
  readonly identity: Identity
  /** Undefined for TLS by Node.js's defaults if the server offers it. */
  readonly tls: SecureContext | undefined
}

export interface Dialed {
  readonly nc: NatsConnection
  readonly server: Candidate
}

/**
 * Connects to the first of these servers that lets it. Rejects with the `NatsFailure` that says most, if none does.
 *
 * @param signal ends it after the server that it is at
 */
export async function dialAny(
  servers: readonly Candidate[],
  options: DialOptions,
  signal: AbortSignal,
  onFailed: (server: Candidate) => void,
): Promise<Dialed> {
  const failures: Failure[] = []
  for (const server of servers) {
    if (signal.aborted && failures.length > 0) break
    try {
      return { nc: await dial(server, options), server }
    } catch (error) {
      const failure = await failureOf(error, server, options)
      failures.push({ ...failure, at: server.url })
      onFailed(server)
    }
  }
  throw new NatsFailure(worst(failures))
}

/** @param error undefined if the server closed the connection without a word */
async function failureOf(error: unknown, server: Candidate, { tls }: DialOptions): Promise<Failure> {
  const failure = classify(error ?? new Error('the server closed the connection'))
  if (tls === undefined || !/ECONNRESET|EPIPE|closed the connection/.test(failure.said)) return failure
  const refusal = classify(await certificateRefusal(server, tlsOptions(server, tls)))
  return refusal.kind === 'client-certificate' ? refusal : failure
}

function dial(server: Candidate, { identity, tls }: DialOptions): Promise<NatsConnection> {
  const { authenticator } = identity
  return connect({
    servers: [hostAndPort(server.host, server.port)],
    ...(tls !== undefined && { tls: { ...tlsOptions(server, tls) } }),
    ...(authenticator !== undefined && { authenticator }),
    name: 'selvedge',
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_MS,
    // The library would not say why it cannot connect again, nor read credentials and certificates before it does.
    reconnect: false,
  })
}

/**
 * What the library gives to Node.js's TLS. Of a server that is given by its address it would leave out what the certificate
 * must be for, and it would then have to be for `localhost`. An address is not sent as a server name: RFC 6066, section 3.
 */
function tlsOptions(server: Candidate, secureContext: SecureContext): ServerTls {
  const { certificateName, host } = server
  const always = { secureContext, rejectUnauthorized: true } as const
  if (certificateName === undefined && isAddress(server)) return { ...always, host, servername: '' }
  return { ...always, servername: certificateName ?? host }
}

/** Of the answers of several servers, the one that needs an operator most. */
function worst(failures: readonly Failure[]): Failure {
  const [first, ...rest] = [...failures].sort((a, b) => rank(a) - rank(b))
  if (first === undefined) throw new TypeError('a cluster has at least one server')
  // Another server may let it in yet.
  const mayPass = rest.some(({ kind }) => kind === 'unavailable')
  return mayPass ? { ...first, mayPass } : first
}

const ORDER = ['denied', 'client-certificate', 'untrusted', 'refused']

function rank({ kind }: Failure): number {
  const index = ORDER.indexOf(kind)
  return index < 0 ? ORDER.length : index
}
