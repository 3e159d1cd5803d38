import { printable } from './quote.js'

/** What JSON can say. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** How much of a foreign text is read. */
export interface JsonLimits {
  /** In characters. */
  readonly maxLength: number
  /** Objects and arrays inside one another. */
  readonly maxDepth: number
  /** Keys of all its objects. */
  readonly maxKeys: number
}

/** Of one record: a lease's value, an annotation, a Backend section. */
export const RECORD_LIMITS: JsonLimits = { maxLength: 64 * 1024, maxDepth: 32, maxKeys: 1_000 }

/** Of a network config. */
export const CONFIG_LIMITS: JsonLimits = { maxLength: 256 * 1024, maxDepth: 32, maxKeys: 10_000 }

/** The members of an object that has a key more than once: all of them, in the order of the text. */
const MEMBERS = Symbol('members')

/**
 * Parses foreign JSON. The result is bounded by `limits`, and `membersOf` gives its members as they were written, even
 * if a key occurs more than once.
 *
 * Throws a SyntaxError that says what is wrong. It quotes nothing: near a mistake may be a secret.
 */
export function parseJson(text: string, limits: JsonLimits): JsonValue {
  const { maxLength, maxDepth, maxKeys } = limits
  if (text.length > maxLength) throw new SyntaxError(`it is longer than ${maxLength} characters`)
  let value: JsonValue
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new SyntaxError(`it is not JSON: ${withoutExcerpt(String(error))}`)
  }
  const keys = countKeys(value, maxDepth)
  if (keys > maxKeys) throw tooManyKeys(maxKeys)
  return mayRepeatKeys(text, keys) ? new DuplicateReader(text, limits).read() : value
}

/** The members of a JSON object in the order of its text. A key that occurs more than once is there more than once. */
export function membersOf(object: object): readonly (readonly [key: string, value: unknown])[] {
  const members: unknown = Reflect.get(object, MEMBERS)
  return Array.isArray(members) ? members : Object.entries(object)
}

/** True if the object has a key more than once. */
export const repeatsKeys = (object: object): boolean => MEMBERS in object

/** An object of these members. `membersOf` returns the same ones. */
export function objectOf(
  members: readonly (readonly [key: string, value: unknown])[],
): Record<string, unknown> {
  const object = Object.fromEntries(members)
  if (Object.keys(object).length < members.length) Object.defineProperty(object, MEMBERS, { value: members })
  return object
}

/** V8 quotes the text around a mistake, and the character itself, which may be an escape sequence. */
const withoutExcerpt = (message: string): string =>
  printable(message.replace(/,? *(?:\.\.\.)?".*is not valid JSON/s, '').replace(/^SyntaxError: /, ''))

const tooDeep = (): SyntaxError => new SyntaxError('it is nested too deep')
/** `1e999` is JSON, and its value is not: it could not be written again. */
function requireFinite<T>(value: T): T {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new SyntaxError('it holds a number that is too large')
  return value
}

const tooManyKeys = (maxKeys: number): SyntaxError => new SyntaxError(`it has more than ${maxKeys} keys`)

/** Counts the keys of all objects in a value, of any size, and checks its bounds: V8 parses without recursion. */
function countKeys(value: JsonValue, depth: number): number {
  requireFinite(value)
  if (typeof value !== 'object' || value === null) return 0
  if (depth === 0) throw tooDeep()
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item, depth - 1)
  } else {
    for (const key in value)
      count += 1 + countKeys((value as Record<string, JsonValue>)[key] ?? null, depth - 1)
  }
  return count
}

/**
 * False if every key in the text is one of the `keys` that were parsed, judged by the colons behind quotes. True if it
 * cannot be known: a text inside a string may look like a key.
 */
function mayRepeatKeys(text: string, keys: number): boolean {
  let count = 0
  for (let at = text.indexOf('":'); at >= 0; at = text.indexOf('":', at + 2)) count += 1
  return count !== keys || SPACED_KEY.test(text)
}

const SPACED_KEY = /"\s+:/

const TOKEN = /\s*([[\]{}:,]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s[\]{}:,"]+)/y

/** Reads a text that is known to be JSON, and keeps every member of its objects. */
class DuplicateReader {
  readonly #text: string
  readonly #limits: JsonLimits
  #keys = 0
  #at = 0

  constructor(text: string, limits: JsonLimits) {
    this.#text = text
    this.#limits = limits
  }

  read(): JsonValue {
    return this.#value(this.#token(), this.#limits.maxDepth)
  }

  #value(token: string, depth: number): JsonValue {
    if (token !== '{' && token !== '[') return requireFinite(JSON.parse(token))
    if (depth === 0) throw tooDeep()
    return token === '{' ? this.#object(depth - 1) : this.#array(depth - 1)
  }

  #object(depth: number): JsonValue {
    const members: [string, JsonValue][] = []
    for (let token = this.#token(); token !== '}'; token = this.#token()) {
      if (token === ',') continue
      this.#keys += 1
      if (this.#keys > this.#limits.maxKeys) throw tooManyKeys(this.#limits.maxKeys)
      const key: string = JSON.parse(token)
      this.#token() // the colon
      members.push([key, this.#value(this.#token(), depth)])
    }
    const object = Object.fromEntries(members)
    if (Object.keys(object).length < members.length)
      Object.defineProperty(object, MEMBERS, { value: members })
    return object
  }

  #array(depth: number): JsonValue {
    const items: JsonValue[] = []
    for (let token = this.#token(); token !== ']'; token = this.#token()) {
      if (token !== ',') items.push(this.#value(token, depth))
    }
    return items
  }

  #token(): string {
    TOKEN.lastIndex = this.#at
    const [, token = ''] = TOKEN.exec(this.#text) ?? []
    this.#at = TOKEN.lastIndex
    return token
  }
}
