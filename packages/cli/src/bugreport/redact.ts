/** In the place of a secret. */
const REDACTED = '[redacted]'

/** Shorter texts occur by chance: what is replaced would tell what the secret is. */
const MIN_SECRET_LENGTH = 6

/** What a key is named whose value is secret; a plain `key` is not, since every entry of a kernel has one. */
const SECRET_KEY =
  /psk|pass(?:word|wd|phrase)|passw\b|secret|token|credential|authorization|(?:api|access|private|pre-?shared|shared|encryption|fastopen)[-_ ]?key/i

const MAX_DEPTH = 64

/** Secrets that can be told by their form or by the key before them, in one line of text. */
const FORMS: readonly (readonly [form: RegExp, replacement: string])[] = [
  [/(:\/\/)[^\s/@"'<>]{1,512}@/g, `$1${REDACTED}@`],
  [/\b(bearer\s+)[\w.~+/=-]{8,}/gi, `$1${REDACTED}`],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, REDACTED],
  // ip xfrm state, if it prints keys.
  [/\b((?:auth|enc|aead|auth-trunc|comp)\s+\S{1,64}\s+)0x[0-9a-f]+/gi, `$1${REDACTED}`],
  // --etcd-password VALUE
  [/(--?[\w-]{0,40}(?:passw(?:or)?d|secret|token|psk)[\w-]{0,40}\s+)[^\s=-]\S*/gi, `$1${REDACTED}`],
  // A key and its value, as JSON, YAML, flags and variables have them; without quotes, to the end of the line.
  [
    new RegExp(
      String.raw`((?:${SECRET_KEY.source})[\w.-]{0,64}\\{0,8}["']?\s{0,8}[:=]\s{0,8})` +
        String.raw`(?:(\\{0,8}["'])(?:(?!\2).)*\2?|\S.*)`,
      'gi',
    ),
    `$1$2${REDACTED}$2`,
  ],
]

/** What every one of those needs somewhere in its line: most lines have none of it, and are not searched further. */
const HINT = new RegExp(`://|bearer|eyJ|0x|${SECRET_KEY.source}`, 'i')

const PEM = /-----BEGIN ([A-Z0-9 ]{0,40}PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g

/** Takes secrets out of texts: those that are known, and those that their form or their key tells. */
export class Redactor {
  readonly #known: readonly string[]

  /** @param secrets fewer than 6 characters are left: they occur by chance */
  constructor(secrets: readonly string[]) {
    const long = secrets.filter(({ length }) => length >= MIN_SECRET_LENGTH)
    const forms = long.flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
      Buffer.from(secret).toString('base64'),
    ])
    // The longer secret first: if it begins with a shorter one, replacing that would leave its tail.
    this.#known = [...new Set(forms)].sort((a, b) => b.length - a.length)
  }

  /** A JSON document is redacted by its keys, however deep, and stays JSON; any other text line by line. */
  redact(text: string): string {
    // A document without secret keys, which may be of many megabytes, needs not be taken apart.
    const json = /^\s*[[{]/.test(text) && SECRET_KEY.test(text) ? parsed(text) : undefined
    if (json !== undefined) return `${JSON.stringify(this.#value(json, false, 0), null, 2)}\n`
    return this.#lines(text)
  }

  #lines(text: string): string {
    const rest = this.#withoutKnown(text)
    if (!HINT.test(rest)) return rest
    return rest
      .replace(PEM, `-----BEGIN $1-----${REDACTED}`)
      .split('\n')
      .map((line) =>
        HINT.test(line) ? FORMS.reduce((found, [form, by]) => found.replace(form, by), line) : line,
      )
      .join('\n')
  }

  #withoutKnown(text: string): string {
    return this.#known.reduce((found, secret) => found.replaceAll(secret, REDACTED), text)
  }

  #value(value: unknown, isSecret: boolean, depth: number): unknown {
    if (typeof value === 'string') return isSecret && value !== '' ? REDACTED : this.#lines(value)
    if (typeof value !== 'object' || value === null) {
      return isSecret && typeof value === 'number' ? REDACTED : value
    }
    if (depth >= MAX_DEPTH) return REDACTED
    if (Array.isArray(value)) return value.map((item) => this.#value(item, isSecret, depth + 1))
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        this.#lines(key),
        this.#value(item, isSecret || SECRET_KEY.test(key), depth + 1),
      ]),
    )
  }
}

/** The texts that secret keys of a JSON document have. */
export function secretsOfJson(text: string): readonly string[] {
  return secretsIn(parsed(text), false, 0)
}

function secretsIn(value: unknown, isSecret: boolean, depth: number): readonly string[] {
  if (typeof value === 'string') return isSecret ? [value] : []
  if (typeof value !== 'object' || value === null || depth >= MAX_DEPTH) return []
  return Object.entries(value).flatMap(([key, item]) =>
    secretsIn(item, isSecret || SECRET_KEY.test(key), depth + 1),
  )
}

/** Values of variables whose names say that they are secret. */
export const secretsOfVariables = (
  variables: Readonly<Record<string, string | undefined>>,
): readonly string[] =>
  Object.entries(variables).flatMap(([name, value]) =>
    SECRET_KEY.test(name) && value !== undefined ? [value] : [],
  )

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
