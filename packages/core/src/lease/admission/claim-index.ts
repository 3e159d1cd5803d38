import { cidrOf, containsAddress, formatCidr } from '../../net/cidr.js'
import { type Address, type Family, parseAddress } from '../../net/ip.js'
import { PrefixIndex } from '../../net/prefix-index.js'
import type { Claim } from './claim.js'

/** Addresses are found by the network of this length around them. */
const ADDRESS_NETWORK = { 4: 24, 6: 64 } as const

/** The admitted claims, indexed by the addresses that they claim, to find those that exclude another claim. */
export class ClaimIndex {
  readonly #subnets = { 4: new PrefixIndex<Claim>(4), 6: new PrefixIndex<Claim>(6) }
  /**
   * By public address, those whose address lies inside the overlay's network: no leased subnet contains any other.
   * Usually there are none.
   */
  readonly #addresses = { 4: new PrefixIndex<Claim>(4), 6: new PrefixIndex<Claim>(6) }

  add(claim: Claim): void {
    const { family } = claim.parts
    this.#subnets[family].add(claim.subnet, claim)
    const address = addressInNetwork(claim)
    if (address !== undefined) this.#addresses[family].add(networkOf(address), claim)
  }

  delete(claim: Claim): void {
    const { family } = claim.parts
    this.#subnets[family].delete(claim.subnet, claim)
    const address = addressInNetwork(claim)
    if (address !== undefined) this.#addresses[family].delete(networkOf(address), claim)
  }

  /** Calls `visit` with each claim that excludes this one, whichever node's it is, and with the reason. */
  forEachExcluded(claim: Claim, visit: (rival: Claim, why: () => string) => void): void {
    const { subnet, publicAddress } = claim
    const family: Family = claim.parts.family
    this.#subnets[family].forEachOverlapping(subnet, (rival) =>
      visit(rival, () => `${subnet} and ${rival.subnet} overlap`),
    )
    if (!this.#addresses[family].isEmpty) {
      this.#addresses[family].forEachOverlapping(subnet, (rival) => {
        const inside = rival.publicAddress
        if (inside !== undefined && containsAddress(subnet, inside))
          visit(rival, () => `${subnet} contains ${inside}`)
      })
    }
    const address = addressInNetwork(claim)
    if (address === undefined) return
    this.#subnets[family].forEachContaining(address, (rival) =>
      visit(rival, () => `${rival.subnet} contains ${publicAddress}`),
    )
  }
}

const addressInNetwork = ({ isAddressInNetwork, publicAddress }: Claim): Address | undefined =>
  isAddressInNetwork && publicAddress !== undefined ? parseAddress(publicAddress) : undefined

const networkOf = (address: Address): string => formatCidr(cidrOf(address, ADDRESS_NETWORK[address.family]))
