/** As long a part of a secret may be a coincidence; a longer one is a part of the secret. */
const MAX_COINCIDENCE = 15

const REDACTED = '[redacted]'

/**
 * The text without any of the secrets, and without any part of one that is longer than a coincidence: a server may quote
 * a token in its answer, whole or cut. A text that contains a short secret is withheld altogether, because what was left
 * of it would show where the secret stood.
 */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((rest, secret) => withoutSecret(rest, secret), text)
}

function withoutSecret(text: string, secret: string): string {
  if (secret === '') return text
  const length = MAX_COINCIDENCE + 1
  if (secret.length < length) {
    return text.includes(secret) ? `${REDACTED}: it repeats the credentials` : text
  }
  const parts = new Set<string>()
  for (let start = 0; start + length <= secret.length; start += 1) {
    parts.add(secret.slice(start, start + length))
  }
  let result = ''
  for (let at = 0; at < text.length; ) {
    let end = at
    while (parts.has(text.slice(end, end + length))) end += 1
    result += end > at ? REDACTED : text[at]
    at = end > at ? end - 1 + length : at + 1
  }
  return result
}

/** The secrets in the headers of a request: a bearer token, or the password of basic authentication. */
export function secretsIn(headers: Readonly<Record<string, string>>): readonly string[] {
  const [scheme = '', credentials = ''] = (headers.authorization ?? '').split(' ')
  if (scheme.toLowerCase() !== 'basic') return [credentials]
  const decoded = Buffer.from(credentials, 'base64').toString()
  return [credentials, decoded.slice(decoded.indexOf(':') + 1)]
}
