import { type Cidr, requireCidr } from '@selvedge/core/kit'

/** Keyed by an address's first 32 bits, under the mask; for longer prefixes the value is such a map again. */
type Level<T> = Map<number, Level<T> | { readonly value: T }>

/**
 * Values by prefix, found by the longest that an address has. A lookup costs one step for each length in use and each
 * 32 bits of it, however many prefixes there are: an overlay's subnets have one length, or few.
 */
export class PrefixTable<T> {
  /** Of each length in use: how many prefixes there are, and those. */
  readonly #lengths = new Map<number, { count: number; readonly level: Level<T> }>()
  /** The lengths in use, longest first. */
  #order: readonly { readonly length: number; readonly level: Level<T> }[] = []

  /** @param cidr of the one family that the table is for */
  set(cidr: string, value: T): void {
    const { words, length } = wordsOf(requireCidr(cidr))
    let entry = this.#lengths.get(length)
    if (entry === undefined) {
      entry = { count: 0, level: new Map() }
      this.#lengths.set(length, entry)
      this.#sort()
    }
    const { level, last } = descend(entry.level, words)
    if (!level.has(last)) entry.count += 1
    level.set(last, { value })
  }

  delete(cidr: string): void {
    const { words, length } = wordsOf(requireCidr(cidr))
    const entry = this.#lengths.get(length)
    if (entry === undefined) return
    const { level, last } = descend(entry.level, words)
    if (level.delete(last)) entry.count -= 1
    if (entry.count > 0) return
    this.#lengths.delete(length)
    this.#sort()
  }

  /** The value of the longest prefix of the address whose bytes are at `offset`; undefined if none has it. */
  find(view: DataView, offset: number): T | undefined {
    for (const { length, level } of this.#order) {
      let at = offset
      let left = length
      let found: Level<T> | { readonly value: T } | undefined = level
      while (found instanceof Map) {
        found = found.get(masked(view.getUint32(at), left))
        at += 4
        left -= 32
      }
      if (found !== undefined) return found.value
    }
    return undefined
  }

  #sort(): void {
    this.#order = [...this.#lengths]
      .sort(([a], [b]) => b - a)
      .map(([length, { level }]) => ({ length, level }))
  }
}

/** The first `bits` of a word; none for 0 and fewer. */
const masked = (word: number, bits: number): number =>
  bits >= 32 ? word : bits <= 0 ? 0 : (word & (~0 << (32 - bits))) >>> 0

function wordsOf({ family, base, length }: Cidr): { words: readonly number[]; length: number } {
  const bits = family === 4 ? 32 : 128
  const count = Math.max(1, Math.ceil(length / 32))
  const words = Array.from({ length: count }, (_, index) =>
    Number((base >> BigInt(bits - 32 * (index + 1))) & 0xffff_ffffn),
  )
  return { words, length }
}

/** The map that holds the prefix itself, made if it is not there, and its key in that. */
function descend<T>(top: Level<T>, words: readonly number[]): { level: Level<T>; last: number } {
  let level = top
  for (const word of words.slice(0, -1)) {
    let next = level.get(word)
    if (!(next instanceof Map)) {
      next = new Map()
      level.set(word, next)
    }
    level = next
  }
  return { level, last: words.at(-1) ?? 0 }
}
