import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node'
import { OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { NatsCredentials } from './credentials.js'

/** Credentials as a connection needs them. */
export interface Identity {
  /** Who they say that this client is, for messages: `the user 'node'`. */
  readonly who: string
  /** What must be in no message. */
  readonly secrets: readonly string[]
  /** What the client library asks for each connection; undefined for nobody. */
  readonly authenticator?: Authenticator
}

const NOBODY: Identity = { who: 'a client without credentials', secrets: [] }

/** Throws an OverlayError `INVALID_CONFIG`, which quotes no secret, for what NATS could not make anything of. */
export function identityOf(credentials: NatsCredentials | undefined): Identity {
  if (credentials === undefined) return NOBODY
  const identity = {
    who: whoOf(credentials),
    secrets: secretsOf(credentials),
    authenticator: authenticatorOf(credentials),
  }
  try {
    // A seed or a JWT that cannot be read would end the connection without a word.
    identity.authenticator('nonce')
  } catch {
    // Without its cause, which may quote what it failed to parse.
    throw new OverlayError(
      'INVALID_CONFIG',
      'nkeySeed' in credentials
        ? 'the NATS credentials hold no valid nkey seed; it begins with SU, as nsc or nk writes it'
        : 'the NATS credentials are not the text of a creds file; it holds a JWT and an nkey seed, as nsc writes it',
    )
  }
  return identity
}

function whoOf(credentials: NatsCredentials): string {
  if ('token' in credentials) return 'the token'
  if ('username' in credentials) return `the user '${printable(credentials.username)}'`
  return 'nkeySeed' in credentials ? 'the nkey' : 'the user of the creds'
}

function authenticatorOf(credentials: NatsCredentials): Authenticator {
  if ('token' in credentials) return tokenAuthenticator(credentials.token)
  if ('username' in credentials) {
    return usernamePasswordAuthenticator(credentials.username, credentials.password)
  }
  const text = new TextEncoder()
  if ('nkeySeed' in credentials) return nkeyAuthenticator(text.encode(credentials.nkeySeed.trim()))
  return credsAuthenticator(text.encode(credentials.creds))
}

/** Every secret in them, so that none is repeated in an error. */
function secretsOf(credentials: NatsCredentials): readonly string[] {
  if ('token' in credentials) return [credentials.token]
  if ('username' in credentials) return [credentials.password]
  if ('nkeySeed' in credentials) return [credentials.nkeySeed.trim()]
  return credentials.creds
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^[\w.-]{20,}$/.test(line) && !line.startsWith('---'))
}
