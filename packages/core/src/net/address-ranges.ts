import { lastAddress, requireCidr } from './cidr.js'
import { parseAddress, parseFourPartDecimal } from './ip.js'

/**
 * Addresses of one family, first and last, as numbers that can be compared: plain ones for IPv4, since tens of thousands
 * of subnets are compared, and bigints for IPv6.
 */
export interface AddressRange {
  readonly first: number | bigint
  readonly last: number | bigint
}

/** The addresses of a network (CIDR, in canonical form). */
export function rangeOfNetwork(network: string): AddressRange {
  const slash = network.indexOf('/')
  const first = parseFourPartDecimal(network.slice(0, slash))
  if (first !== undefined) return { first, last: first + 2 ** (32 - Number(network.slice(slash + 1))) - 1 }
  const cidr = requireCidr(network)
  return { first: cidr.base, last: lastAddress(cidr) }
}

/** The range of one address; throws a TypeError for what is no address. */
export function rangeOfAddress(text: string): AddressRange {
  const value = parseFourPartDecimal(text) ?? parseAddress(text)?.value
  if (value === undefined) throw new TypeError(`'${text}' is not an IP address`)
  return { first: value, last: value }
}

export const rangesOverlap = (a: AddressRange, b: AddressRange): boolean =>
  a.first <= b.last && b.first <= a.last

export const rangeContains = (outer: AddressRange, inner: AddressRange): boolean =>
  outer.first <= inner.first && inner.last <= outer.last

/** Ranges of one family, each with a name, to find one that overlaps another range by binary search. */
export class NamedRanges {
  readonly #named: readonly (readonly [range: AddressRange, name: string])[]
  /** The same addresses in ranges that share none, in order. */
  readonly #merged: readonly AddressRange[]

  constructor(ranges: readonly (readonly [range: AddressRange, name: string])[]) {
    this.#named = ranges
    this.#merged = merge(ranges.map(([range]) => range))
  }

  /** The name of a range that shares an address with this one; undefined if none does. */
  overlapping(range: AddressRange): string | undefined {
    let [low, high] = [0, this.#merged.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#merged[middle]?.last ?? 0) < range.first) low = middle + 1
      else high = middle
    }
    const found = this.#merged[low]
    if (found === undefined || found.first > range.last) return undefined
    return this.#named.find(([named]) => rangesOverlap(named, range))?.[1]
  }
}

function merge(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const merged: AddressRange[] = []
  for (const { first, last } of ranges.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const previous = merged.at(-1)
    if (previous === undefined || previous.last < first) merged.push({ first, last })
    else if (previous.last < last) merged[merged.length - 1] = { first: previous.first, last }
  }
  return merged
}
