import { type ErrorCode, OverlayError } from './errors.js'

/** What JSON can say. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** How one key of a JSON object is read. */
export interface Field<T> {
  /** Ends the sentence "Port is 70000, but …" */
  readonly rule: string
  readonly fallback: T
  readonly accepts: (value: unknown) => boolean
}

/** A whole number from `least` to `most`. */
export function integerField<T extends number | undefined>(
  least: number,
  most: number,
  fallback: T,
): Field<number | T> {
  return {
    rule: `must be a whole number from ${least} to ${most}`,
    fallback,
    accepts: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
  }
}

export function booleanField<T extends boolean | undefined>(fallback: T): Field<boolean | T> {
  return { rule: 'must be true or false', fallback, accepts: (value) => typeof value === 'boolean' }
}

/** Text; absent where it is not given. What it must look like is the reader's to say. */
export function textField(): Field<string | undefined> {
  return { rule: 'must be text', fallback: undefined, accepts: (value) => typeof value === 'string' }
}

export function objectField(): Field<Readonly<Record<string, unknown>> | undefined> {
  return { rule: 'must be an object', fallback: undefined, accepts: isJsonObject }
}

export type FieldTable = Readonly<Record<string, Field<unknown>>>
export type FieldValues<T extends FieldTable> = {
  readonly [K in keyof T]: T[K] extends Field<infer V> ? V : never
}

/**
 * Reads an object as Go's encoding/json does: keys match without regard to case, the last of several spellings
 * counts, and `null` counts as absent. For the network config, a backend's settings in it, and what peers publish.
 * Throws an OverlayError that names the key, its value and the rule.
 *
 * @param where what the object is, for messages: `the vxlan settings`; a function where many are read, and few are wrong
 * @param code of the error; `INVALID_LEASE` where it is a peer's data that is read
 */
export function readFields<T extends FieldTable>(
  table: T,
  source: Readonly<Record<string, unknown>>,
  where: string | (() => string),
  code: ErrorCode = 'INVALID_CONFIG',
): { values: FieldValues<T>; unknownKeys: string[] } {
  const names = namesOf(table)
  const values: Record<string, unknown> = {}
  for (const name of names.values()) values[name] = table[name]?.fallback
  const unknownKeys: string[] = []
  for (const key of Object.keys(source)) {
    const value = source[key]
    const name = Object.hasOwn(table, key) ? key : names.get(key.toLowerCase())
    const field = name === undefined ? undefined : table[name]
    if (name === undefined || field === undefined) {
      unknownKeys.push(key)
    } else if (value !== null && value !== undefined) {
      if (!field.accepts(value)) {
        const place = typeof where === 'string' ? where : where()
        throw invalidField(key, value, field.rule, place, code)
      }
      values[name] = value
    }
  }
  return { values: values as FieldValues<T>, unknownKeys }
}

const namesByTable = new WeakMap<FieldTable, ReadonlyMap<string, string>>()

/** A table's names by their lower case: made once, since what tens of thousands of peers publish is read by one table. */
function namesOf(table: FieldTable): ReadonlyMap<string, string> {
  let names = namesByTable.get(table)
  if (names === undefined) {
    names = new Map(Object.keys(table).map((name) => [name.toLowerCase(), name]))
    namesByTable.set(table, names)
  }
  return names
}

/** The error for a key whose value breaks a rule. */
export function invalidField(
  key: string,
  value: unknown,
  rule: string,
  where: string,
  code: ErrorCode = 'INVALID_CONFIG',
): OverlayError {
  const shown = value === undefined ? '' : ` is ${JSON.stringify(value)}, but`
  return new OverlayError(code, `in ${where}, ${key}${shown} ${rule}`)
}

/** A sentence for each key that means nothing: probably mistyped, and nobody would know. */
export function unknownKeyWarnings(
  unknownKeys: readonly string[],
  table: FieldTable,
  where: string,
): readonly string[] {
  const known = Object.keys(table).join(', ') || 'none'
  return unknownKeys.map((key) => `in ${where}, the key ${key} means nothing; known keys: ${known}`)
}

export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
