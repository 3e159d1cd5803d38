import { isJsonObject, type JsonLimits, parseJson, printable } from '@selvedge/core/kit'

/** What a plugin answers: a token, or a client certificate and its key in PEM. */
export interface Credential {
  readonly token?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface PluginAnswer {
  readonly credential: Credential
  /** In ms since the epoch; infinite if the plugin does not say. */
  readonly expiresAt: number
}

/** A credential is a few kB. */
export const MAX_ANSWER_BYTES = 1024 * 1024

const ANSWER_LIMITS: JsonLimits = { maxLength: MAX_ANSWER_BYTES, maxDepth: 32, maxKeys: 1_000 }

/** What the header of a request can carry (RFC 9110, field values). */
const TOKEN = /^[\x20-\x7e]+$/

/**
 * Reads what a credential plugin has printed: an ExecCredential of the API version that it was asked for. Throws a
 * SyntaxError that says what is wrong with it, and quotes nothing of it.
 */
export function readPluginAnswer(text: string, apiVersion: string): PluginAnswer {
  const answer = parseAnswer(text)
  if (!isJsonObject(answer) || answer.kind !== 'ExecCredential' || !isJsonObject(answer.status)) {
    throw new SyntaxError('something else than an ExecCredential')
  }
  if (answer.apiVersion !== apiVersion) {
    throw new SyntaxError(
      `an ExecCredential of another apiVersion than ${printable(apiVersion)}, which it was asked for`,
    )
  }
  const { status } = answer
  const credential = {
    token: textOf(status.token),
    cert: textOf(status.clientCertificateData),
    key: textOf(status.clientKeyData),
  }
  const hasCertificate = credential.cert !== undefined && credential.key !== undefined
  if (credential.token === undefined && !hasCertificate) {
    throw new SyntaxError('neither a token nor a client certificate and its key')
  }
  if (credential.token !== undefined && !TOKEN.test(credential.token)) {
    throw new SyntaxError('a token with characters that no request can carry')
  }
  const expiresAt = Date.parse(textOf(status.expirationTimestamp) ?? '')
  return { credential, expiresAt: Number.isNaN(expiresAt) ? Number.POSITIVE_INFINITY : expiresAt }
}

function parseAnswer(text: string): unknown {
  try {
    return parseJson(text, ANSWER_LIMITS)
  } catch {
    return undefined
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined
