import { type ErrorCode, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { Settings } from '../options.js'
import type { Failure, FailureKind } from './errors.js'

interface Explanation {
  readonly code: ErrorCode
  readonly problem: string
  readonly remedy: string
}

export interface ErrorContext {
  readonly settings: Pick<Settings, 'servers' | 'bucket' | 'clock'>
  /** What must be in no message. */
  readonly secrets: readonly string[]
}

/** A failure as the error that a caller of the store sees: what was attempted, on what, the answer, and what to do. */
export function explain(
  attempted: string,
  failure: Failure,
  { settings, secrets }: ErrorContext,
): OverlayError {
  const { code, problem, remedy } = explanationOf(failure.kind, settings)
  // A server, or a proxy before it, may repeat what it was sent.
  const repeats = secrets.some((secret) => secret !== '' && failure.said.includes(secret))
  const said = repeats ? 'withheld: it repeats a secret' : printable(failure.said)
  const where = settings.servers.map(({ url }) => url).join(', ')
  return new OverlayError(code, `${attempted}: ${problem} at ${where} (${said}); ${remedy}`, {
    cause: repeats ? undefined : failure.cause,
  })
}

function explanationOf(kind: FailureKind, { bucket, clock }: ErrorContext['settings']): Explanation {
  switch (kind) {
    case 'denied':
      return {
        code: 'ACCESS_DENIED',
        problem: 'NATS refuses this client',
        remedy: `check its credentials; it must be allowed to publish to $JS.API.> and $KV.${bucket}.> (and $KV.${bucket}-leases.>), and to subscribe to _INBOX.>`,
      }
    case 'untrusted':
      return {
        code: 'STORE_UNAVAILABLE',
        problem: 'TLS failed',
        remedy: `check the certificates, the CA, and this host's clock (${new Date(clock.now()).toISOString()})`,
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
        problem: `the bucket ${bucket} is gone`,
        remedy: 'it is made again by the next call that writes',
      }
    case 'exists':
      return {
        code: 'INVALID_CONFIG',
        problem: `the bucket ${bucket} exists with other settings`,
        remedy: `see nats stream info KV_${bucket}`,
      }
    case 'closed':
      return { code: 'CLOSED', problem: 'the client of NATS was closed', remedy: 'make a new one' }
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
