import { type Cidr, contains, lastAddress, requireCidr } from '../net/cidr.js'
import { type Address, addressBits, formatAddress, parseAddress } from '../net/ip.js'
import type { FamilyNetwork } from './network-config.js'

/** From subnet number `from` on, up to the next step, each subnet is overlapped by `holders` leases. */
interface Step {
  readonly from: bigint
  holders: number
}

/**
 * Which subnets of one family's network are taken. Subnets are numbered from `subnetMin` (0) to `subnetMax`.
 *
 * Leases that lie side by side merge into one run, so that a free subnet is found by binary search however full the
 * network is; and a run counts who overlaps it, so that giving back one of two overlapping leases (someone wrote a
 * longer or a shorter prefix by hand) does not free what the other still holds. Numbers are bigints: an IPv6 network
 * may hold more subnets than a double can count.
 */
export class SubnetPool {
  readonly network: FamilyNetwork
  /** How many subnets there are to lease. */
  readonly size: bigint
  readonly #network: Cidr
  readonly #min: Address
  /** log2 of how many addresses a subnet holds. */
  readonly #hostBits: bigint
  /** Sorted; before the first step, and after the last one, nothing is taken. */
  readonly #steps: Step[] = []
  /** What was taken that is wider than a subnet, and how often. */
  readonly #wide = new Map<string, number>()

  constructor(network: FamilyNetwork) {
    this.network = network
    this.#network = requireCidr(network.network)
    this.#min = requireAddress(network.subnetMin)
    this.#hostBits = BigInt(addressBits(this.#min.family) - network.subnetLength)
    this.size = this.#numberOf(requireAddress(network.subnetMax).value) + 1n
  }

  /** Whether `subnet` is one of those to lease: inside the range, on a boundary, of the right length. */
  fits(subnet: string): boolean {
    const cidr = requireCidr(subnet)
    if (cidr.family !== this.#min.family || cidr.length !== this.network.subnetLength) return false
    const number = this.#numberOf(cidr.base)
    return number >= 0n && number < this.size
  }

  /** Whether anything that was taken overlaps `subnet`. */
  has(subnet: string): boolean {
    const range = this.#rangeOf(subnet)
    if (range === undefined) return false
    const index = this.#stepAt(range.from)
    if (this.#holders(index) > 0) return true
    // Equal neighbours are merged, so what follows a free run is a taken one.
    const taken = this.#steps[index + 1]
    return taken !== undefined && taken.from < range.until
  }

  /**
   * What was taken that is wider than one subnet, which is a node's share, and how many subnets each takes, the widest
   * first: when all are taken, these may be mistakes.
   */
  get wide(): readonly { readonly subnet: string; readonly size: bigint }[] {
    return [...this.#wide.keys()]
      .map((subnet) => {
        const { from, until } = this.#rangeOf(subnet) ?? { from: 0n, until: 0n }
        return { subnet, size: until - from }
      })
      .sort((a, b) => Number(b.size - a.size))
  }

  /**
   * Takes every subnet that `subnet` overlaps. It may lie outside the range, and be of any other length. Nothing as
   * wide as the network, or outside it, takes anything: no node serves it, and one mistyped length would take all there is.
   */
  take(subnet: string): void {
    this.#count(subnet, 1)
  }

  /** Gives back what one `take` of the same subnet took. */
  release(subnet: string): void {
    this.#count(subnet, -1)
  }

  /** The first free subnet from number `start` (modulo the size) on, around the end; undefined if all are taken. */
  find(start: bigint): string | undefined {
    const number = this.#firstFree(start % this.size) ?? this.#firstFree(0n)
    if (number === undefined) return undefined
    const value = this.#min.value + (number << this.#hostBits)
    return `${formatAddress({ family: this.#min.family, value })}/${this.network.subnetLength}`
  }

  /** Rounds down: -1n is the subnet below the first one. */
  #numberOf(address: bigint): bigint {
    return (address - this.#min.value) >> this.#hostBits
  }

  /** The numbers [from, until) that `subnet` overlaps; undefined if there are none, or it is not a part of the network. */
  #rangeOf(subnet: string): { from: bigint; until: bigint } | undefined {
    const cidr = requireCidr(subnet)
    if (cidr.length <= this.#network.length || !contains(this.#network, cidr)) return undefined
    const first = this.#numberOf(cidr.base)
    const last = this.#numberOf(lastAddress(cidr))
    const from = first < 0n ? 0n : first
    const until = last < this.size ? last + 1n : this.size
    return from < until ? { from, until } : undefined
  }

  #firstFree(from: bigint): bigint | undefined {
    let index = this.#stepAt(from)
    if (this.#holders(index) === 0) return from
    // Runs of different counts touch only where leases overlap, so this is nearly always one turn.
    do index += 1
    while (this.#holders(index) > 0)
    const free = this.#steps[index]?.from
    return free !== undefined && free < this.size ? free : undefined
  }

  #count(subnet: string, change: 1 | -1): void {
    const range = this.#rangeOf(subnet)
    if (range === undefined) return
    const first = this.#split(range.from)
    const end = this.#split(range.until)
    const steps = this.#steps.slice(first, end)
    const known = steps.every((step) => step.holders + change >= 0)
    if (known) for (const step of steps) step.holders += change
    this.#merge(end)
    this.#merge(first)
    if (!known) throw new TypeError(`${subnet} was given back but never taken`)
    if (range.until - range.from > 1n) this.#countWide(subnet, change)
  }

  #countWide(subnet: string, change: 1 | -1): void {
    const count = (this.#wide.get(subnet) ?? 0) + change
    if (count > 0) this.#wide.set(subnet, count)
    else this.#wide.delete(subnet)
  }

  /** Makes a step begin at `from`; returns its index. */
  #split(from: bigint): number {
    const index = this.#stepAt(from)
    const step = this.#steps[index]
    if (step?.from === from) return index
    this.#steps.splice(index + 1, 0, { from, holders: step?.holders ?? 0 })
    return index + 1
  }

  /** Drops the step at `index` if it says what the one before it says. */
  #merge(index: number): void {
    if (this.#holders(index) === this.#holders(index - 1)) this.#steps.splice(index, 1)
  }

  /** How many leases overlap the subnets of the step at `index`; none before the first step. */
  #holders(index: number): number {
    return this.#steps[index]?.holders ?? 0
  }

  /** Index of the last step that begins at or before `from`; -1 if there is none. */
  #stepAt(from: bigint): number {
    let low = 0
    let high = this.#steps.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const step = this.#steps[middle]
      if (step !== undefined && step.from <= from) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

function requireAddress(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new TypeError(`'${text}' is not an IP address`)
  return address
}
