import { nearest } from './nearest.js'
import { printable } from './quote.js'

/** What an option must be, as far as its type goes. Its range is its reader's to check. */
export interface Shape {
  /** Ends the sentence "the option … is 5: it must be …". */
  readonly rule: string
  /** Whether a value is right. It is not called with undefined. */
  readonly accepts: (value: unknown) => boolean
  /** Whether it must be given. Default: false. */
  readonly isRequired?: boolean
}

/** A shape for each option of `Options`: the compiler asks for each. */
export type Shapes<Options extends object> = { readonly [Name in keyof Required<Options>]: Shape }

/** Text. */
export const text: Shape = { rule: 'text', accepts: (value) => typeof value === 'string' }
/** A number. */
export const number: Shape = { rule: 'a number', accepts: (value) => typeof value === 'number' }
/** True or false. */
export const flag: Shape = { rule: 'true or false', accepts: (value) => typeof value === 'boolean' }
/** A function. */
export const callback: Shape = { rule: 'a function', accepts: (value) => typeof value === 'function' }
/** An object of any kind, but no array. */
export const record: Shape = {
  rule: 'an object',
  accepts: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
}
/** A clock, such as a fake one in a test. */
export const clockShape: Shape = withMethods(
  'a Clock, with now(), monotonic() and sleep()',
  'now',
  'monotonic',
  'sleep',
)

/** Whatever its reader takes: it says itself what is wrong. */
export const anything: Shape = { rule: 'anything', accepts: () => true }
/** Text that is not empty. */
export const path: Shape = {
  rule: 'the path of a file',
  accepts: (value) => typeof value === 'string' && value !== '',
}

/** An object with these methods. */
export function withMethods(rule: string, ...methods: readonly string[]): Shape {
  const accepts = (value: unknown): boolean =>
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function')
  return { rule, accepts }
}

/** An array of these. */
export const listOf = ({ rule, accepts }: Shape, example?: string): Shape => ({
  rule: `an array of ${rule}${example === undefined ? '' : `, such as ${example}`}`,
  accepts: (value) => Array.isArray(value) && value.every((one) => one !== undefined && accepts(one)),
})

/** One of these values. */
export const oneOf = (...values: readonly string[]): Shape => ({
  rule: values.map((value) => `'${value}'`).join(' or '),
  accepts: (value) => values.some((one) => one === value),
})

/** Of one of these shapes. */
export const either = (...shapes: readonly Shape[]): Shape => ({
  rule: shapes.map(({ rule }) => rule).join(', or '),
  accepts: (value) => shapes.some(({ accepts }) => accepts(value)),
})

/** The same, which must be given. */
export const required = (shape: Shape): Shape => ({ ...shape, isRequired: true })

/**
 * Checks what a program in JavaScript may get wrong of options: that they are an object, that each exists, that those which
 * are required are there, and that each has its type. Throws a TypeError that names the option, what it is, and what it must
 * be. It quotes no text, which may be a secret.
 *
 * @param where whose options they are: `linux()`, `new EtcdSubnetManager()`
 * @param given left out: `{}`, if no option is required
 */
export function checkOptions<Options extends object>(
  where: string,
  given: unknown,
  shapes: Shapes<Options>,
): void {
  const table: Readonly<Record<string, Shape>> = shapes
  if (given === undefined && !Object.values(table).some(({ isRequired }) => isRequired)) return
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(
      `${where} is called with an object of options, but it got ${kindOf(given)}: ${namesOf(table)}`,
    )
  }
  checkNames(where, given, Object.keys(table))
  for (const [name, { rule, accepts, isRequired = false }] of Object.entries(table)) {
    const value: unknown = Reflect.get(given, name)
    if (value === undefined ? isRequired : !accepts(value)) {
      const is = value === undefined ? 'is missing' : `is ${kindOf(value)}`
      throw new TypeError(`the option ${name} of ${where} ${is}: it must be ${rule}`)
    }
  }
}

/** Throws a TypeError for an option that does not exist, with the one that was probably meant. */
export function checkNames(where: string, given: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || known.includes(name)) continue
    throw new TypeError(
      `${where} has no option ${printable(name)}${meant(name, known)}; ${listed('it has', known)}`,
    )
  }
}

/** `: did you mean interface?`, or nothing if no name is near. */
export function meant(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  return near === undefined ? '' : `: did you mean ${near}?`
}

const namesOf = (table: Readonly<Record<string, Shape>>): string => listed('they are', Object.keys(table))

function listed(start: string, names: readonly string[]): string {
  if (names.length < 2) return `${start} ${names[0] ?? 'none'}`
  return `${start} ${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** What a value is, without its text. */
export function kindOf(value: unknown): string {
  if (value === undefined || value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${value}`
  if (typeof value === 'string') return value === '' ? 'empty text' : 'text'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${kindOf(value[0])}`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
