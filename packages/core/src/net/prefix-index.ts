import { type Cidr, cidrOf, contains, formatCidr, requireCidr } from './cidr.js'
import { type Address, addressBits, type Family } from './ip.js'

/**
 * Values by the networks of one family that they belong to, to find those of the networks that overlap another.
 *
 * Networks are kept by their length, as text. Nearly all are of one length, so that a look-up costs the same however
 * many there are; one of a network that is larger than others costs as many steps as it holds of those, at most.
 */
export class PrefixIndex<T extends object | string> {
  readonly #family: Family
  readonly #lengths = new Map<number, Map<string, T | Several<T>>>()

  constructor(family: Family) {
    this.#family = family
  }

  /** Adds a value to those of a network (CIDR in canonical form). One that it has already is not added twice. */
  add(network: string, value: T): void {
    const length = lengthOf(network)
    const networks = this.#lengths.get(length) ?? new Map<string, T | Several<T>>()
    this.#lengths.set(length, networks)
    const held = networks.get(network)
    if (held instanceof Several) held.add(value)
    else networks.set(network, held === undefined || held === value ? value : new Several([held, value]))
  }

  /** Removes a value from those of a network, if it is one. `network` is in canonical form. */
  delete(network: string, value: T): void {
    const length = lengthOf(network)
    const networks = this.#lengths.get(length)
    const held = networks?.get(network)
    if (held instanceof Several) held.delete(value)
    if (held === value || (held instanceof Several && held.size === 0)) networks?.delete(network)
    if (networks?.size === 0) this.#lengths.delete(length)
  }

  /** Whether no network has a value. */
  get isEmpty(): boolean {
    return this.#lengths.size === 0
  }

  /** Calls `visit` with the values of every network that shares an address with this one, itself included. */
  forEachOverlapping(network: string, visit: (value: T) => void): void {
    const length = lengthOf(network)
    for (const [otherLength, networks] of this.#lengths) {
      if (otherLength === length) visitAll(networks.get(network), visit)
      else if (otherLength < length)
        visitAll(networks.get(this.#around(requireCidr(network), otherLength)), visit)
      else this.#forEachInside(requireCidr(network), otherLength, networks, visit)
    }
  }

  /** Calls `visit` with the values of every network that contains the address. */
  forEachContaining(address: Address, visit: (value: T) => void): void {
    const network = cidrOf(address, addressBits(this.#family))
    for (const [length, networks] of this.#lengths)
      visitAll(networks.get(this.#around(network, length)), visit)
  }

  #around({ family, base }: Cidr, length: number): string {
    return formatCidr(cidrOf({ family, value: base }, length))
  }

  #forEachInside(
    outer: Cidr,
    length: number,
    networks: ReadonlyMap<string, T | Several<T>>,
    visit: (value: T) => void,
  ): void {
    const bits = length - outer.length
    if (2 ** bits > networks.size) {
      for (const [network, held] of networks) if (contains(outer, requireCidr(network))) visitAll(held, visit)
      return
    }
    const size = 1n << BigInt(addressBits(this.#family) - length)
    for (let number = 0n; number < 1n << BigInt(bits); number += 1n) {
      const base = outer.base + number * size
      visitAll(networks.get(formatCidr({ family: this.#family, base, length })), visit)
    }
  }
}

/** The values of a network that has more than one, which is rare: most are held without a set. */
class Several<T> extends Set<T> {}

function visitAll<T>(held: T | Several<T> | undefined, visit: (value: T) => void): void {
  if (held instanceof Several) for (const value of held) visit(value)
  else if (held !== undefined) visit(held)
}

const lengthOf = (network: string): number => Number(network.slice(network.indexOf('/') + 1))
