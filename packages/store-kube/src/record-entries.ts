import { PUBLISHED } from './annotations.js'
import type { WrittenAnnotation } from './client/index.js'
import { type DesiredAnnotations, sameAnnotation } from './desired-annotations.js'

/** One annotation of a node, beside what it should be. */
export interface RecordEntry {
  /** Its full name. */
  readonly name: string
  /** Undefined if there is none. */
  readonly value: string | undefined
  /** What this node publishes under the name; undefined if nothing. */
  readonly desired: string | undefined
  /**
   * `held`: it is as it should be; `missing`; `stale`: it is another, or should not be there; `foreign`: an operator's, or
   * another program's; `unknown`: what it should be is not known.
   */
  readonly mark: 'held' | 'missing' | 'stale' | 'foreign' | 'unknown'
  /** The name of the program that wrote it last, if the API server says it. */
  readonly writer?: string | undefined
  /** When that program last wrote to the Node, in ms since the epoch. */
  readonly writtenAt?: number | undefined
}

/** What is published first, in its order, then the rest by name. */
export function recordEntries(
  written: ReadonlyMap<string, WrittenAnnotation>,
  prefix: string,
  desired: DesiredAnnotations | undefined,
): readonly RecordEntry[] {
  const published = PUBLISHED.map((short): RecordEntry | undefined => {
    const name = `${prefix}${short}`
    const { value, writer, writtenAt } = written.get(name) ?? {}
    const wanted = desired?.[short] ?? undefined
    if (value === undefined && wanted === undefined) return undefined
    const isSame = sameAnnotation(short, value, wanted)
    const mark =
      desired === undefined ? 'unknown' : value === undefined ? 'missing' : isSame ? 'held' : 'stale'
    return { name, value, desired: wanted, mark, writer, writtenAt }
  }).filter((entry) => entry !== undefined)
  const own = new Set(PUBLISHED.map((short) => `${prefix}${short}`))
  const others = [...written]
    .filter(([name]) => !own.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, entry]): RecordEntry => ({ name, desired: undefined, mark: 'foreign', ...entry }))
  return [...published, ...others]
}
