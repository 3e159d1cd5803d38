import type { KnownLease } from '@selvedge/agent'
import type { Resource } from '@selvedge/core'
import { type Family, familyOf, PrefixIndex, parseAddress, parseCidr } from '@selvedge/core/kit'

/** Finds whose lease an address, a network or an entry belongs to; what it costs does not depend on how many there are. */
export class LeaseIndex {
  readonly #subnets = { 4: new PrefixIndex<string>(4), 6: new PrefixIndex<string>(6) }
  readonly #byAddress = new Map<string, string>()

  constructor(leases: readonly KnownLease[]) {
    for (const { key, subnet, ipv6Subnet, publicIp, publicIpv6 } of leases) {
      for (const each of [subnet, ipv6Subnet]) {
        if (each !== undefined && parseCidr(each) !== undefined) this.#subnets[familyOf(each)].add(each, key)
      }
      for (const each of [publicIp, publicIpv6]) if (each !== undefined) this.#byAddress.set(each, key)
    }
  }

  /** The key of the lease whose subnet contains the address, or whose node bears it. */
  ofAddress(text: string): string | undefined {
    const address = parseAddress(text)
    if (address === undefined) return undefined
    const borne = this.#byAddress.get(text)
    if (borne !== undefined) return borne
    let found: string | undefined
    this.#subnets[address.family].forEachContaining(address, (key) => {
      found ??= key
    })
    return found
  }

  /** The key of the lease whose subnet contains the network. */
  ofNetwork(text: string): string | undefined {
    const network = parseCidr(text)
    if (network === undefined) return undefined
    const family: Family = network.family
    const base = { family, value: network.base }
    let found: string | undefined
    this.#subnets[family].forEachContaining(base, (key) => {
      found ??= key
    })
    return found
  }

  /** By what a kernel's entry leads to. */
  of(resource: Resource): string | undefined {
    const field = (name: string): string => String(Reflect.get(resource, name) ?? '')
    switch (resource.kind) {
      case 'route':
        return this.ofNetwork(field('destination'))
      case 'neighbour':
      case 'address':
        return this.ofAddress(field('address'))
      case 'fdb':
        return this.ofAddress(field('destination'))
      default:
        return undefined
    }
  }
}
