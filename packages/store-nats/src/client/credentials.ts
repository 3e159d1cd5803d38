import { readFileSync } from 'node:fs'
import { OverlayError } from '@selvedge/core'

/** One of the ways in which a NATS server knows its clients. */
export type NatsCredentials =
  | {
      /** A user of the server's configuration, with its password. */
      readonly username: string
      /** A secret: it appears in no message. */
      readonly password: string
    }
  | {
      /** The token of the server's configuration. A secret. */
      readonly token: string
    }
  | {
      /** The seed of an nkey: `SU…`. A secret. */
      readonly nkeySeed: string
    }
  | {
      /** The text of a creds file: a user's JWT and nkey seed, as `nsc generate creds` writes it. A secret. */
      readonly creds: string
    }

/** Reads a creds file, again for each connection: a renewed one is used without a restart. */
export function credsFile(path: string): () => NatsCredentials {
  return () => ({ creds: readText(path) })
}

/** Reads the seed of an nkey from a file, again for each connection. */
export function nkeyFile(path: string): () => NatsCredentials {
  return () => ({ nkeySeed: readText(path) })
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw OverlayError.from(error, 'INVALID_CONFIG', `reading the NATS credentials from ${path}`)
  }
}
