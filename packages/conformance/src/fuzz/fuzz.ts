import type { Random } from '@selvedge/core'
import { seededRandom } from './seeded-random.js'

/** What `fuzz` is called with. */
export interface FuzzOptions {
  /** How many inputs. Default: 1,000, for a unit test; 200,000 for a night. */
  readonly count?: number | undefined
  /** What the inputs are drawn from, a whole number. Default: another one each run, which a failure names. */
  readonly seed?: number | undefined
  /** Draws an input, such as `hostileJson([…])`. */
  readonly input: (random: Random) => string
  /** Parses an input, and throws or rejects if the outcome is not one that the parser promises. */
  readonly check: (text: string) => void | Promise<void>
  /** How long an input of up to 64 KiB may take, in ms of the processor, and so much for each 64 KiB of a longer one. Default: 100. */
  readonly maxMs?: number | undefined
}

/** What `fuzz` tried. */
export interface FuzzReport {
  /** How many inputs. */
  readonly count: number
  /** What they were drawn from: the same seed gives the same inputs. */
  readonly seed: number
  /** The length of all inputs together. */
  readonly characters: number
  /** The length of the longest input, in characters. */
  readonly longest: number
  /** How long the slowest input took, in ms. */
  readonly slowestMs: number
}

/** How much of an input a failure shows, in characters. */
const MAX_SHOWN = 300

/** The length of an input that may take `maxMs`, in characters: a parser may take time in proportion to it, no more. */
const LENGTH_OF_MAX = 65_536

/** How often a slow input is tried again: its code may not have been compiled yet, or garbage was collected. */
const RETRIES = 5

/** How many inputs are tried before other work of the process gets a turn. */
const INPUTS_PER_TURN = 100

/**
 * Feeds a parser hostile inputs. Rejects for the first whose check throws or that takes too long, naming the seed, the
 * number of the input and its beginning.
 */
export async function fuzz({
  count = 1_000,
  seed = Date.now() % 2 ** 32,
  input,
  check,
  maxMs = 100,
}: FuzzOptions): Promise<FuzzReport> {
  const report = { count, seed, characters: 0, longest: 0, slowestMs: 0 }
  const before = Reflect.ownKeys(Object.prototype).length
  for (let index = 0; index < count; index += 1) {
    // Of its own seed, so that one input can be made again without those before it.
    const text = input(seededRandom(seed + index))
    const fail = (why: string, cause?: unknown) => new Error(failureText(seed + index, text, why), { cause })
    const allowed = maxMs * Math.max(1, text.length / LENGTH_OF_MAX)
    let took: number
    try {
      took = await timeOf(check, text, allowed)
    } catch (error) {
      throw fail(error instanceof Error ? `${error.name}: ${error.message}` : String(error), error)
    }
    if (took > allowed) throw fail(`it took ${Math.round(took)} ms, and may take ${Math.round(allowed)}`)
    if (Reflect.ownKeys(Object.prototype).length !== before) throw fail('it changed Object.prototype')
    report.characters += text.length
    report.longest = Math.max(report.longest, text.length)
    report.slowestMs = Math.max(report.slowestMs, took)
    if (index % INPUTS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return report
}

/** How many inputs and from which seed, as the environment says: `SELVEDGE_FUZZ_COUNT` and `SELVEDGE_SEED`. */
export function fuzzSettings(variables: Readonly<Record<string, string | undefined>>): {
  readonly count: number | undefined
  readonly seed: number | undefined
} {
  const number = (name: string) => (variables[name] === undefined ? undefined : Number(variables[name]))
  return { count: number('SELVEDGE_FUZZ_COUNT'), seed: number('SELVEDGE_SEED') }
}

/** The shortest of a few times, in ms of the processor: how busy the machine is says nothing about a parser. */
async function timeOf(check: FuzzOptions['check'], text: string, maxMs: number): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY
  for (let tries = 0; tries <= RETRIES && shortest > maxMs; tries += 1) {
    const start = process.cpuUsage()
    const parsing = check(text)
    // A turn of the event loop would be measured, too.
    if (parsing instanceof Promise) await parsing
    const { user, system } = process.cpuUsage(start)
    shortest = Math.min(shortest, (user + system) / 1000)
  }
  return shortest
}

function failureText(seed: number, text: string, why: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
  const shown = JSON.stringify(cut).replace(
    /[^ -~…]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${why}; for the input of seed ${seed}, ${text.length} characters: ${shown}`
}
