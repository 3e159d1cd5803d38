import { type ErrorCode, OverlayError } from './errors.js'
import { membersOf } from './json.js'
import { printable, quote } from './quote.js'

/** How one key of a JSON object is read. */
export interface Field<T> {
  /** Ends the sentence "Port is 70000, but …" */
  readonly rule: string
  /** The value if the key is absent. */
  readonly fallback: T
  /** Whether a value keeps the rule. It is not called with undefined, nor with null unless `raw` is set. */
  readonly accepts: (value: unknown) => boolean
  /**
   * As Go's json.RawMessage: `null` is a value too, only the last value must be right, and none is quoted in messages,
   * since it may hold a secret. Default: false.
   */
  readonly raw?: boolean | undefined
}

/** A whole number from `min` to `max`. */
export function integerField<T extends number | undefined>(
  min: number,
  max: number,
  fallback: T,
): Field<number | T> {
  return {
    rule: `must be a whole number from ${min} to ${max}`,
    fallback,
    accepts: (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
  }
}

/** True or false. */
export function booleanField<T extends boolean | undefined>(fallback: T): Field<boolean | T> {
  return { rule: 'must be true or false', fallback, accepts: (value) => typeof value === 'boolean' }
}

/** Text, of any form; absent by default. */
export function textField(): Field<string | undefined> {
  return { rule: 'must be text', fallback: undefined, accepts: (value) => typeof value === 'string' }
}

/** An object, to be read in turn; absent by default. */
export function objectField(): Field<Readonly<Record<string, unknown>> | undefined> {
  return { rule: 'must be an object', fallback: undefined, accepts: isJsonObject, raw: true }
}

/** How the keys of an object are read, by their names as they are usually spelled. */
export type FieldTable = Readonly<Record<string, Field<unknown>>>
/** What `readFields` reads by such a table: a value for each of its keys. */
export type FieldValues<T extends FieldTable> = {
  readonly [K in keyof T]: T[K] extends Field<infer V> ? V : never
}

/**
 * Reads an object as Go's encoding/json does: keys match in any case, the last of several counts, and `null` leaves
 * what was there. For the network config, a backend's settings in it, and what peers publish. Throws an OverlayError
 * that names the key, its value and the rule.
 *
 * @param where what the object is, for messages: `the vxlan settings`; a function if many are read and few are wrong
 * @param code of the error; `INVALID_LEASE` for what a peer publishes
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
  const raw: [name: string, key: string, value: unknown][] = []
  for (const [key, value] of membersOf(source)) {
    const name = Object.hasOwn(table, key) ? key : names.get(foldKey(key))
    const field = name === undefined ? undefined : table[name]
    if (name === undefined || field === undefined) {
      if (!unknownKeys.includes(key)) unknownKeys.push(key)
    } else if (field.raw) {
      if (value !== undefined) raw.push([name, key, value])
    } else if (value !== null && value !== undefined) {
      if (!field.accepts(value)) throw invalidField(key, value, field.rule, textOf(where), code)
      values[name] = value
    }
  }
  for (const [name, , value] of raw) values[name] = value
  for (const [name, key, value] of raw) {
    const { accepts, rule } = table[name] as Field<unknown>
    if (value === values[name] && !accepts(value)) throw unquotedField(key, value, rule, textOf(where), code)
  }
  return { values: values as FieldValues<T>, unknownKeys }
}

const textOf = (where: string | (() => string)): string => (typeof where === 'string' ? where : where())

/** Keys that Go takes for the same have the same fold: it folds by Unicode, in which ſ is an s. */
const foldKey = (key: string): string => key.toLowerCase().replaceAll('ſ', 's')

const namesByTable = new WeakMap<FieldTable, ReadonlyMap<string, string>>()

/** A table's names by their fold: made once, since one table reads what tens of thousands of peers publish. */
function namesOf(table: FieldTable): ReadonlyMap<string, string> {
  let names = namesByTable.get(table)
  if (names === undefined) {
    names = new Map(Object.keys(table).map((name) => [foldKey(name), name]))
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
  const shown = value === undefined ? '' : ` is ${quote(value)}, but`
  return new OverlayError(code, `in ${where}, ${printable(key)}${shown} ${rule}`)
}

/** The same, without the value. */
function unquotedField(
  key: string,
  value: unknown,
  rule: string,
  where: string,
  code: ErrorCode,
): OverlayError {
  const kind = value === null ? 'null' : Array.isArray(value) ? 'a list' : KINDS[typeof value]
  return new OverlayError(code, `in ${where}, ${printable(key)} is ${kind}, but ${rule}`)
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
}

/** A sentence for each unknown key, which is probably mistyped. */
export function unknownKeyWarnings(
  unknownKeys: readonly string[],
  table: FieldTable,
  where: string,
): readonly string[] {
  const known = Object.keys(table).join(', ') || 'none'
  return unknownKeys.map(
    (key) => `in ${where}, the key ${printable(key)} means nothing; known keys: ${known}`,
  )
}

/** Whether a value is an object, and no array or null. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
