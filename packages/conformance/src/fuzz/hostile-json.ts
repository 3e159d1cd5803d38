import type { JsonValue, Random } from '@selvedge/core'
import { integer, oneOf, weighted } from './draw.js'
import { type HostileLimits, hostileText, MAX_DEPTH, MAX_LENGTH } from './hostile-text.js'

/** Values as text: what JSON can say and a reader of flannel's records does not expect. */
const ODD_VALUES: readonly [string, ...string[]] = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '-1',
  '0.5',
  '1e999',
  '-1e-999',
  '4294967296',
  '9007199254740993',
  '123456789012345678901234567890',
  '""',
  '" "',
  '"null"',
  '"0.0.0.0"',
  '"255.255.255.255"',
  '"::"',
  '"fe80::1%eth0"',
  '"010.1.1.1"',
  '"10.1"',
  '"10.0.0.0/33"',
  '"\\u0000"',
  '"\\u001b[2J"',
  '"\\u202e"',
  '"\\ud800"',
  '"ff:ff:ff:ff:ff:ff"',
  '[]',
  '[[]]',
  '{}',
  '{"":{}}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":1,"valueOf":null,"toJSON":2}',
]

/** Depths and sizes around which readers set their limits, and beyond which they overflow. */
const DEPTHS: readonly [number, ...number[]] = [
  1, 2, 31, 32, 33, 34, 64, 500, 1_000, 5_000, 10_000, 20_000, 50_000,
]
const LENGTHS: readonly [number, ...number[]] = [
  1_000, 1_001, 10_000, 65_535, 65_536, 65_537, 262_143, 262_145, 524_288,
]

/**
 * Inputs that are JSON like one of the samples, or nearly so: a value somewhere in it is replaced, nested, enlarged, or
 * given twice; a key is lost, renamed or doubled; or the text itself is edited.
 */
export function hostileJson(
  samples: readonly [JsonValue, ...JsonValue[]],
  limits: HostileLimits = {},
): (random: Random) => string {
  const { maxLength = MAX_LENGTH, maxDepth = MAX_DEPTH } = limits
  const editText = hostileText(
    [JSON.stringify(samples[0]), ...samples.map((sample) => JSON.stringify(sample))],
    limits,
  )
  return (random) => {
    if (random() < 0.25) return editText(random)
    const sample = oneOf(random, samples)
    const size = { maxLength, maxDepth }
    const mutation = new Mutation(random, integer(random, countValues(sample) - 1), size)
    const text = mutation.render(sample)
    return weighted<() => string>(random, [
      [40, () => text],
      [2, () => `\ufeff${text}`],
      [2, () => `${text}${text}`],
      [2, () => ` \n\t${text}\r\n`],
      [1, () => text + ' '.repeat(integer(random, 100))],
      [1, () => text.slice(0, integer(random, text.length))],
    ])()
  }
}

const countValues = (value: JsonValue): number =>
  typeof value === 'object' && value !== null
    ? Object.values(value).reduce((sum: number, inner: JsonValue) => sum + countValues(inner), 1)
    : 1

interface Limits {
  readonly maxLength: number
  readonly maxDepth: number
}

/** Writes a value as JSON, with one of the values in it changed. */
class Mutation {
  readonly #random: Random
  readonly #limits: Limits
  /** How many values are written before the one that changes. */
  #left: number

  constructor(random: Random, target: number, limits: Limits) {
    this.#random = random
    this.#limits = limits
    this.#left = target
  }

  render(value: JsonValue): string {
    const isTarget = this.#left === 0
    this.#left -= 1
    if (isTarget) return this.#changed(value)
    if (Array.isArray(value)) return `[${value.map((item) => this.render(item)).join()}]`
    if (typeof value !== 'object' || value === null) return JSON.stringify(value)
    return `{${Object.entries(value)
      .map(([key, inner]) => this.#member(key, inner))
      .join()}}`
  }

  #member(key: string, inner: JsonValue): string {
    const isTarget = this.#left === 0
    const plain = () => `${JSON.stringify(key)}:${this.render(inner)}`
    if (!isTarget || this.#random() < 0.5) return plain()
    const odd = oneOf(this.#random, ODD_VALUES)
    this.#left -= 1
    const own = `${JSON.stringify(key)}:${JSON.stringify(inner)}`
    return oneOf(this.#random, [
      `${JSON.stringify(`${key}x`)}:${odd}`,
      `${JSON.stringify(key.toLowerCase())}:${JSON.stringify(inner)}`,
      `${JSON.stringify(key.toUpperCase())}:${odd}`,
      `${own},${JSON.stringify(key)}:${odd}`,
      `${JSON.stringify(key)}:${odd},${own}`,
      `${own},${JSON.stringify(key.toLowerCase())}:${odd},${JSON.stringify(key)}:null`,
      `"\\u00${key.charCodeAt(0).toString(16).padStart(2, '0')}${key.slice(1)}":${odd}`,
      `"__proto__":${odd},${own}`,
      `"":${odd},${own}`,
      own,
    ])
  }

  #changed(value: JsonValue): string {
    const random = this.#random
    return weighted<() => string>(random, [
      [60, () => oneOf(random, ODD_VALUES)],
      [10, () => JSON.stringify(JSON.stringify(value))],
      [10, () => `[${JSON.stringify(value)}]`],
      [4, () => this.#deep(JSON.stringify(value))],
      [1, () => this.#large()],
    ])()
  }

  /** The value inside arrays, objects or both. Now and then one end is missing. */
  #deep(value: string): string {
    const random = this.#random
    // What is around it counts, too.
    const depth = Math.max(1, Math.min(oneOf(random, DEPTHS), this.#limits.maxDepth) - integer(random, 2))
    const [open, close] = oneOf<readonly [string, string]>(random, [
      ['[', ']'],
      ['{"a":', '}'],
      ['[{"a":', '}]'],
      ['{"Type":[', ']}'],
      [' [ ', ' ] '],
    ])
    const levels = Math.ceil(depth / (open.match(/[[{]/g)?.length ?? 1))
    const end = random() < 0.9 ? close.repeat(levels) : close.repeat(integer(random, levels))
    return open.repeat(levels) + value + end
  }

  /** A string, number, array or object about as long as a limit that a reader may have. */
  #large(): string {
    const random = this.#random
    const length = Math.min(oneOf(random, LENGTHS), this.#limits.maxLength)
    const repeat = (unit: string) => unit.repeat(Math.max(1, Math.floor(length / unit.length)))
    return weighted<() => string>(random, [
      [3, () => `"${'x'.repeat(length)}"`],
      [1, () => `"${repeat('\\u001b')}"`],
      [1, () => '9'.repeat(length)],
      [1, () => `0.${'1'.repeat(length)}`],
      [2, () => `[${repeat('0,')}0]`],
      [1, () => `[${repeat('{},')}{}]`],
      [2, () => `{${Array.from({ length: Math.floor(length / 10) }, (_, index) => `"k${index}":0`).join()}}`],
      [2, () => `{${repeat('"Network":0,')}"Network":1}`],
      [1, () => `{${repeat('"BackendData":null,')}"BackendData":{}}`],
    ])()
  }
}
