import { printable, quote } from '@selvedge/core/kit'
import { parseGoBoolean, parseGoDuration, parseGoInteger } from './go-values.js'

/** One flag: the kind of its value, its default, and its line in the help. */
export interface Flag<T> {
  /** How its value is written, after Go's package `flag`. Of a `list` each use of the flag adds one. */
  readonly type: 'string' | 'int' | 'bool' | 'duration' | 'list'
  /** The value if the flag is not given. A duration is in ms. */
  readonly fallback: T
  /** What it does, for the help. */
  readonly usage: string
  /** Throws a SyntaxError that says why a text is not a value. */
  readonly parse: (text: string) => T extends readonly (infer Item)[] ? Item : T
  /** Its value is never shown. */
  readonly secret?: boolean
}

export const stringFlag = (fallback: string, usage: string): Flag<string> => ({
  type: 'string',
  fallback,
  usage,
  parse: (text) => text,
})

/** A string that no message repeats. */
export const secretFlag = (usage: string): Flag<string> => ({ ...stringFlag('', usage), secret: true })

export const integerFlag = (fallback: number, usage: string): Flag<number> => ({
  type: 'int',
  fallback,
  usage,
  parse: parseGoInteger,
})

export const booleanFlag = (fallback: boolean, usage: string): Flag<boolean> => ({
  type: 'bool',
  fallback,
  usage,
  parse: parseGoBoolean,
})

/** In milliseconds. */
export const durationFlag = (fallback: number, usage: string): Flag<number> => ({
  type: 'duration',
  fallback,
  usage,
  parse: parseGoDuration,
})

/** May be given several times; each adds one. */
export const listFlag = (usage: string): Flag<readonly string[]> => ({
  type: 'list',
  fallback: [],
  usage,
  parse: (text) => text,
})

export type FlagTable = Readonly<Record<string, Flag<unknown>>>
export type FlagValues<T extends FlagTable> = {
  readonly [K in keyof T]: T[K] extends Flag<infer V> ? V : never
}

/** A command line or an environment that is not valid. The message names the flag and the value. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The error for a value that a flag cannot have. */
export const invalid = (flag: string, value: unknown, rule: string): UsageError =>
  new UsageError(`invalid value ${quote(value)} for flag -${flag}: ${rule}`)

const HIDDEN = '[redacted]'

export interface ParsedFlags<T extends FlagTable> {
  readonly values: FlagValues<T>
  /** The names of those that were given, on the command line or in the environment. */
  readonly given: ReadonlySet<keyof T & string>
  readonly help: boolean
  /** The command line without the values of secret flags, for showing it. */
  readonly safeArgs: readonly string[]
}

export interface Environment {
  /** The beginning of each variable's name: `FLANNELD`. */
  readonly prefix: string
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Flags that no variable can set. */
  readonly except?: readonly string[]
}

/**
 * Reads a command line as Go's `flag` package does: `-x`, `--x`, `--x=y`, `--x y`, booleans only as `--x` or
 * `--x=false`, and the last of several counts. Flags that are not on it are read from the environment, as `PREFIX_X_Y`;
 * an empty variable counts as not set.
 *
 * Unlike Go's, it refuses arguments that are not flags: Go stops at the first and ignores all flags after it, so that
 * `--ip-masq true --iface eth1` silently loses the second.
 *
 * Throws a UsageError.
 */
export function parseFlags<T extends FlagTable>(
  table: T,
  args: readonly string[],
  environment: Environment,
): ParsedFlags<T> {
  const values = new Map<string, unknown>()
  let help = false
  let last: Flag<unknown> | undefined
  const rest = [...args]
  const safeArgs: string[] = []
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    const [, name = '', equals, text = ''] = /^--?([^-=][^=]*)(=)?(.*)$/s.exec(arg) ?? []
    if (name === '') throw strayArgument(arg, last)
    const flag = Object.hasOwn(table, name) ? table[name] : undefined
    last = flag
    safeArgs.push(
      flag?.secret && equals !== undefined ? `${arg.slice(0, -text.length || undefined)}${HIDDEN}` : arg,
    )
    if (flag === undefined) {
      if (name !== 'help' && name !== 'h') throw new UsageError(`unknown flag: -${printable(name)}`)
      help = true
    } else if (equals !== undefined) {
      take(values, name, flag, text, `flag -${name}`)
    } else if (flag.type === 'bool') {
      values.set(name, true)
    } else {
      const next = rest.shift()
      if (next === undefined) throw new UsageError(`flag -${name} needs a value`)
      safeArgs.push(flag.secret ? HIDDEN : next)
      take(values, name, flag, next, `flag -${name}`)
    }
  }
  if (!help) takeEnvironment(values, table, environment)
  const all = Object.entries(table).map(([name, { fallback }]) => [name, values.get(name) ?? fallback])
  return { values: Object.fromEntries(all), given: new Set(values.keys()), help, safeArgs }
}

function takeEnvironment(values: Map<string, unknown>, table: FlagTable, environment: Environment): void {
  const given = new Set(values.keys())
  for (const [name, flag] of Object.entries(table)) {
    if (given.has(name) || environment.except?.includes(name)) continue
    const variable = variableOf(name, environment.prefix)
    const text = environment.variables[variable]
    if (text) take(values, name, flag, text, `environment variable ${variable}`)
  }
}

/** `FLANNELD_ETCD_PREFIX` for `etcd-prefix`. */
export function variableOf(name: string, prefix: string): string {
  return `${prefix}_${name.toUpperCase().replaceAll('-', '_')}`
}

function take(
  values: Map<string, unknown>,
  name: string,
  flag: FlagTable[string],
  text: string,
  source: string,
): void {
  try {
    const value: unknown = flag.parse(text)
    const before = values.get(name)
    values.set(name, flag.type === 'list' ? [...(Array.isArray(before) ? before : []), value] : value)
  } catch (cause) {
    throw new UsageError(
      `invalid value ${quote(text)} for ${source}: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    )
  }
}

function strayArgument(arg: string, before: Flag<unknown> | undefined): UsageError {
  // It is probably a part of the secret before it.
  if (before?.secret === true)
    return new UsageError('an argument (not shown, since it follows a secret) is not a flag')
  const hint = /^(true|false)$/i.test(arg)
    ? '; a boolean is given as --x or --x=false, never as --x false'
    : ''
  return new UsageError(`argument ${quote(arg)} is not a flag${hint}`)
}
