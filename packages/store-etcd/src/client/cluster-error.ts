import { type Clock, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { Credentials } from './credentials.js'
import type { Failure, FailureKind } from './errors.js'

export interface EndpointFailure {
  /** The endpoint's name, for the message. */
  readonly name: string
  readonly failure: Failure
}

/** What messages also name. */
export interface ErrorContext {
  /** Absent: requests name no user. */
  readonly auth: Credentials | undefined
  /** What a user of etcd must be allowed. */
  readonly rights: string
  readonly clock: Clock
}

interface Explanation {
  readonly code: 'STORE_UNAVAILABLE' | 'ACCESS_DENIED' | 'CLOSED'
  /** Followed by "at https://… (its answer)". */
  readonly problem: string
  readonly remedy: string
}

const SILENT: Explanation = {
  code: 'STORE_UNAVAILABLE',
  problem: 'etcd does not answer',
  remedy: 'check that it runs, has a leader, and can be reached from here',
}

/** The answers of all endpoints asked, in one error that says what to do. */
export function clusterError(
  attempted: string,
  failures: readonly EndpointFailure[],
  context: ErrorContext,
): OverlayError {
  const kinds = new Set(failures.map(({ failure }) => failure.kind))
  const [kind = 'unavailable'] = kinds
  const { code, problem, remedy } = kinds.size === 1 ? explain(kind, context) : SILENT
  const password = context.auth?.password
  const said = failures.map(({ name, failure }) => `${name} (${shown(failure.said, password)})`).join(', ')
  const repeats = failures.some(({ failure }) => isRepeated(failure.said, password))
  const cause = repeats ? undefined : failures.at(-1)?.failure.cause
  return new OverlayError(code, `${attempted}: ${problem} at ${said}; ${remedy}`, { cause })
}

/** A server, or a proxy before it, may repeat what it was sent. To cut out a short password would reveal it. */
const shown = (said: string, password: string | undefined): string =>
  isRepeated(said, password) ? 'withheld: it repeats the password' : printable(said)

const isRepeated = (said: string, password: string | undefined): boolean =>
  password !== undefined && password !== '' && said.includes(password)

function explain(kind: FailureKind, { auth, clock, rights }: ErrorContext): Explanation {
  switch (kind) {
    case 'denied':
    case 'token':
    case 'auth-off':
      return {
        code: 'ACCESS_DENIED',
        problem: `etcd refuses ${auth === undefined ? 'a client without a user' : `user '${auth.username}'`}`,
        remedy: `check name and password; the user's role must ${rights}`,
      }
    case 'untrusted':
      return {
        code: 'STORE_UNAVAILABLE',
        problem: 'the TLS certificate of etcd is not valid',
        remedy: `check it, the CA, and this host's clock (${new Date(clock.now()).toISOString()})`,
      }
    case 'client-certificate':
      return {
        code: 'ACCESS_DENIED',
        problem: 'etcd refuses the TLS client certificate, or asks for one,',
        remedy: "give one that is signed by etcd's --trusted-ca-file and has not expired",
      }
    case 'full':
      return {
        code: 'STORE_UNAVAILABLE',
        problem: 'etcd has used up its space quota',
        remedy: 'compact and defragment it, then disarm its alarm: etcdctl alarm disarm',
      }
    case 'closed':
      return { code: 'CLOSED', problem: 'the client of etcd was closed', remedy: 'make a new one' }
    case 'refused':
      return { code: 'STORE_UNAVAILABLE', problem: 'etcd refuses', remedy: 'its answer says why' }
    default:
      return SILENT
  }
}
