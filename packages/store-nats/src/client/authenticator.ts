import {
  type Auth,
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { OverlayError } from '@selvedge/core'
import type { NatsCredentials } from './credentials.js'

/**
 * What the client library asks for each connection. It has no way to report that they cannot be read: `onProblem` is
 * called with that, and the connection is tried without any.
 */
export function authenticator(
  read: () => NatsCredentials,
  onProblem: (problem: OverlayError) => void,
): Authenticator {
  return (nonce): Auth => {
    try {
      return authenticatorOf(read())(nonce)
    } catch (error) {
      // Without its cause, which may quote what it failed to parse.
      onProblem(
        error instanceof Error && 'code' in error && error.code === 'INVALID_CONFIG'
          ? (error as OverlayError)
          : new OverlayError('INVALID_CONFIG', 'the NATS credentials are not valid; check their format'),
      )
      return NO_CREDENTIALS
    }
  }
}

/** An empty user, whom a server that asks for one refuses. */
const NO_CREDENTIALS: Auth = { user: '' }

function authenticatorOf(credentials: NatsCredentials): Authenticator {
  if ('token' in credentials) return tokenAuthenticator(credentials.token)
  if ('username' in credentials) {
    return usernamePasswordAuthenticator(credentials.username, credentials.password)
  }
  const text = new TextEncoder()
  if ('nkeySeed' in credentials) return nkeyAuthenticator(text.encode(credentials.nkeySeed.trim()))
  return credsAuthenticator(text.encode(credentials.creds))
}
