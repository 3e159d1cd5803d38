import { type ErrorCode, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { Settings } from '../options.js'
import type { Failure } from './errors.js'
import type { Identity } from './identity.js'

interface Explanation {
  readonly code: ErrorCode
  readonly problem: string
  readonly remedy: string
}

export interface ErrorContext {
  readonly settings: Pick<Settings, 'servers' | 'bucket' | 'domain' | 'clock'>
  readonly identity: Identity
}

/** A failure as the error that a caller of the store sees: what was attempted, on what, the answer, and what to do. */
export function explain(attempted: string, failure: Failure, context: ErrorContext): OverlayError {
  const { settings, identity } = context
  const { code, problem, remedy } = explanationOf(failure, context)
  // A server, or a proxy before it, may repeat what it was sent.
  const repeats = identity.secrets.some((secret) => secret !== '' && failure.said.includes(secret))
  const said = repeats ? 'withheld: it repeats a secret' : printable(failure.said)
  const isOfOne = failure.at !== undefined && failure.kind !== 'unavailable'
  const where = isOfOne ? failure.at : settings.servers.map(({ url }) => url).join(', ')
  return new OverlayError(code, `${attempted}: ${problem} at ${where} (${said}); ${remedy}`, {
    cause: repeats ? undefined : failure.cause,
  })
}

function explanationOf(
  { kind, forbidden }: Failure,
  { settings: { bucket, domain, clock }, identity }: ErrorContext,
): Explanation {
  switch (kind) {
    case 'denied':
      return {
        code: 'ACCESS_DENIED',
        problem: `NATS refuses ${identity.who}`,
        remedy: 'check that its credentials are those of the server, neither expired nor revoked',
      }
    case 'forbidden':
      return {
        code: 'ACCESS_DENIED',
        problem:
          forbidden === undefined
            ? `NATS refuses ${identity.who} a permission`
            : `NATS does not permit ${identity.who} to ${forbidden.operation} to ${printable(forbidden.subject)}`,
        remedy: `allow it to ${rights(bucket, domain)}`,
      }
    case 'untrusted':
      return {
        code: 'STORE_UNAVAILABLE',
        problem: 'TLS failed',
        remedy:
          'check that the server has TLS, and a certificate for this address or name; the CA; and ' +
          `this host's clock (${new Date(clock.now()).toISOString()})`,
      }
    case 'client-certificate':
      return {
        code: 'ACCESS_DENIED',
        problem: "NATS refuses this node's TLS certificate, or misses one",
        remedy: 'give the certificate and key that its CA has signed, neither expired nor revoked',
      }
    case 'no-jetstream':
      return {
        code: 'STORE_UNAVAILABLE',
        problem: 'NATS has no JetStream for this client',
        remedy: 'start it with JetStream (nats-server -js), or give the account JetStream',
      }
    case 'full':
      return {
        code: 'STORE_UNAVAILABLE',
        problem: 'JetStream has no room left',
        remedy: `raise the limits of the account or the bucket: nats stream info KV_${bucket}`,
      }
    case 'no-stream':
      return {
        code: 'STORE_UNAVAILABLE',
        problem: `a bucket is missing, ${bucket} or ${bucket}-leases,`,
        remedy: 'the next call that writes makes it',
      }
    case 'exists':
      return {
        code: 'INVALID_CONFIG',
        problem: `the bucket ${bucket} exists with other settings`,
        remedy: `see nats stream info KV_${bucket}`,
      }
    case 'refused':
    case 'outdated':
      return { code: 'STORE_UNAVAILABLE', problem: 'NATS refuses', remedy: 'its answer says why' }
    default:
      return {
        code: 'STORE_UNAVAILABLE',
        problem: 'NATS does not answer',
        remedy: 'check that it runs with JetStream (nats-server -js), and that the network to it is up',
      }
  }
}

/** The subjects of JetStream's API. */
export const apiSubjects = (domain: string | undefined): string =>
  domain === undefined ? '$JS.API.>' : `$JS.${domain}.API.>`

/** What a node needs, as the README has it. */
function rights(bucket: string, domain: string | undefined): string {
  const values = domain === undefined ? `, $KV.${bucket}.>, $KV.${bucket}-leases.>` : ''
  return `publish to ${apiSubjects(domain)}, $JS.FC.>${values}, and to subscribe to _INBOX.>`
}
