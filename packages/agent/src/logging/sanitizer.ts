import { printable } from '@selvedge/core/kit'

/** In the place of a secret. */
const REDACTED = '[redacted]'

/** What is logged of one value, in characters. */
const MAX_VALUE_LENGTH = 200

/** A message says more than one value: what was attempted, on what, the answer, and what to do. */
const MAX_MESSAGE_LENGTH = 2_000

/** What is logged of a list. */
const MAX_ITEMS = 20

const MAX_DEPTH = 6

/** How much of a text is searched for secrets before it is cut: none may begin before the cut and end behind this. */
const MAX_SECRET_LENGTH = 8_192

/** Shorter texts occur by chance: what is replaced would tell what the secret is. */
const MIN_SECRET_LENGTH = 6

/**
 * A key and its value, as JSON (quoted in JSON again, too), YAML, flags and environment variables have them. A value in
 * quotes ends with them, a list or an object with the text. The last part of a path is no key: `/run/token: ENOENT`.
 */
const SECRET_ENTRY = new RegExp(
  [
    String.raw`(?<!/[\w.-]{0,64})`,
    '((?:psk|passw(?:or)?d|passphrase|secret|token|credentials?|(?:api|access|private|shared)[-_]?key)',
    String.raw`[\w-]{0,32}\\{0,8}["']?\s{0,8}[:=]\s{0,8})`,
    String.raw`(?:(\\{0,8}["'])(?:(?!\2).)+|[[{].*|[^\s"'\\,;}\]]+)`,
  ].join(''),
  'gis',
)

/** Secrets that can be told by their form, whoever they belong to: a server may echo what it was sent. */
const SECRET_FORMS: readonly (readonly [form: RegExp, replacement: string])[] = [
  [/\b(bearer\s+)[\w.~+/=-]{16,}/gi, `$1${REDACTED}`],
  [/\b(authorization["']?\s*[:=]\s*["']?(?:[a-z]+\s+)?)[^\s"',;]+/gi, `$1${REDACTED}`],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, REDACTED],
  [/(:\/\/[^\s/:@]*:)[^\s/@]+@/g, `$1${REDACTED}@`],
  [/(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^-]*/g, `$1${REDACTED}`],
  [SECRET_ENTRY, `$1$2${REDACTED}`],
]

/**
 * Makes safe whatever leaves the process as text: log lines, the status for systemd, the reason in /readyz. Secrets are
 * removed, characters that could forge a line or move a terminal are escaped, and long values are cut.
 *
 * Nothing logs a secret on purpose; but a library, a server or a mistyped config may put one into an error message.
 */
export class Sanitizer {
  /** As they may occur in a text, longest first: of two of which one begins with the other, no rest must stay. */
  #forms: readonly string[] = []
  readonly #lasting = new Set<string>()
  readonly #current = new Map<string, readonly string[]>()

  /** From now on `secret` is never written. One of fewer than 6 characters is ignored: they occur by chance. */
  addSecret(secret: string | undefined): void {
    if (secret === undefined || this.#lasting.has(secret)) return
    this.#lasting.add(secret)
    this.#prepare()
  }

  /** The same for secrets that rotate, such as tokens: those that `owner` had before are forgotten. */
  setSecrets(owner: string, secrets: readonly string[]): void {
    this.#current.set(owner, secrets)
    this.#prepare()
  }

  #prepare(): void {
    const secrets = [...this.#lasting, ...[...this.#current.values()].flat()]
    const forms = secrets.filter(({ length }) => length >= MIN_SECRET_LENGTH).flatMap(formsOf)
    this.#forms = [...new Set(forms)].sort((a, b) => b.length - a.length)
  }

  /** A message: up to 2,000 characters of it. */
  text(text: string): string {
    return this.#safe(text, MAX_MESSAGE_LENGTH)
  }

  /** A copy of plain data, with errors as plain data: up to 200 characters of each text, and 20 items of each list. */
  fields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, this.#value(value, 0)]))
  }

  #value(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return this.#safe(value, MAX_VALUE_LENGTH)
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null) return value
    if (depth >= MAX_DEPTH) return '…'
    if (value instanceof Error) return this.#error(value, depth)
    if (Array.isArray(value)) {
      const items = value.slice(0, MAX_ITEMS).map((item) => this.#value(item, depth + 1))
      return value.length > MAX_ITEMS ? [...items, `… ${value.length - MAX_ITEMS} more`] : items
    }
    const entries = Object.entries(value).slice(0, MAX_ITEMS)
    return Object.fromEntries(
      entries.map(([key, item]) => [this.#safe(key, MAX_VALUE_LENGTH), this.#value(item, depth + 1)]),
    )
  }

  /**
   * The fields of an error that are logged: others are a library's own, and may hold whole requests. The stack is logged
   * for unforeseen errors alone: those of selvedge say what happened, whatever the place in the code.
   */
  #error(error: Error, depth: number): Record<string, unknown> {
    const { code, errno } = error as { code?: unknown; errno?: unknown }
    const isForeseen = error.name === 'OverlayError' || error.name === 'UsageError'
    return {
      type: error.name,
      ...(code !== undefined && { code: this.#value(code, depth + 1) }),
      ...(errno !== undefined && { errno: this.#value(errno, depth + 1) }),
      message: this.text(error.message),
      ...(!isForeseen && depth === 0 && { stack: this.text(error.stack ?? '') }),
      ...(error.cause instanceof Error && { cause: this.#value(error.cause, depth + 1) }),
    }
  }

  #safe(text: string, maxLength: number): string {
    const searched = text.slice(0, maxLength + MAX_SECRET_LENGTH)
    const known = this.#forms.reduce((found, secret) => found.replaceAll(secret, REDACTED), searched)
    const redacted = SECRET_FORMS.reduce((found, [form, by]) => found.replace(form, by), known)
    return printable(redacted, maxLength)
  }
}

/** A secret as it is, quoted in JSON once and twice, in a URL, and in base64. */
function formsOf(secret: string): readonly string[] {
  const json = JSON.stringify(secret).slice(1, -1)
  const base64 = Buffer.from(secret).toString('base64')
  return [secret, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(secret), base64]
}
