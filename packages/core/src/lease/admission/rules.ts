import { type FamilyParts, IPV4_PARTS, IPV6_PARTS } from '../../net/address-family.js'
import {
  type AddressRange,
  NamedRanges,
  rangeContains,
  rangeOfAddress,
  rangeOfNetwork,
  rangesOverlap,
} from '../../net/address-ranges.js'
import { formatCidr, lastAddress, requireCidr } from '../../net/cidr.js'
import { familyOf, formatAddress } from '../../net/ip.js'
import { describeLease } from '../../net/public-address.js'
import { unroutablePart, whyNoHostAddress } from '../../net/special-networks.js'
import type { ErrorCode } from '../../util/errors.js'
import { quote } from '../../util/quote.js'
import type { Lease } from '../lease.js'
import type { Claim, Refusal } from './claim.js'
import type { AdmissionFacts } from './facts.js'

/**
 * The rules for a claim by itself, whatever the other leases are: its subnet lies in the network and takes nothing away
 * from this host, and its public address is one that another host can have.
 */
export class Rules {
  readonly #facts: AdmissionFacts
  readonly #families: { readonly 4: FamilyRules; readonly 6: FamilyRules }

  constructor(facts: AdmissionFacts) {
    this.#facts = facts
    this.#families = { 4: new FamilyRules(IPV4_PARTS, facts), 6: new FamilyRules(IPV6_PARTS, facts) }
  }

  /** Why the claim gets no resources; undefined if these rules let it pass. */
  refusalOf(claim: Claim): Refusal | undefined {
    const { lease, parts, subnet } = claim
    const { own } = this.#facts
    const type = lease.attributes.backendType
    const ownType = own.attributes.backendType
    if (type !== ownType) {
      return this.#refuse(lease, `its backend is ${nameOf(type)}, and this node's is ${nameOf(ownType)}`)
    }
    const rules = this.#families[parts.family]
    const range = rangeOfNetwork(subnet)
    if (rules.overlapsOwn(range)) {
      const why = `${subnet} overlaps this node's own subnet, ${own[parts.subnet]}`
      return this.#refuse(lease, why, 'LEASE_CONFLICT')
    }
    const why = rules.whyNot(claim, range)
    return why === undefined ? undefined : this.#refuse(lease, why)
  }

  #refuse(lease: Lease, why: string, code: ErrorCode = 'INVALID_LEASE'): Refusal {
    const remedy = `correct or delete it in ${this.#facts.store.name}`
    return { code, message: `${describeLease(lease)} gets no resources: ${why}; ${remedy}` }
  }
}

const nameOf = (backend: string | undefined): string => (backend === undefined ? 'unnamed' : quote(backend))

/** The rules of one family. */
class FamilyRules {
  readonly #parts: FamilyParts
  /** The networks that leases may lie in, and their names. */
  readonly #networks: readonly Named[]
  readonly #ownSubnet: AddressRange | undefined
  /** What no peer's subnet may overlap. */
  readonly #protected: NamedRanges
  /** The host's networks that contain a whole network of the overlay. Subnets outside it must not overlap them. */
  readonly #around: NamedRanges
  readonly #ownAddresses: ReadonlySet<string>
  readonly #broadcasts: ReadonlyMap<string, string>

  constructor(parts: FamilyParts, facts: AdmissionFacts) {
    const ofFamily = (text: string) => familyOf(text) === parts.family
    this.#parts = parts
    this.#networks = [facts.config, facts.storeConfig]
      .map((config) => config?.[parts.network]?.network)
      .filter((network) => network !== undefined)
      .map((network) => [rangeOfNetwork(network), network])
    const ownSubnet = facts.own[parts.subnet]
    this.#ownSubnet = ownSubnet === undefined ? undefined : rangeOfNetwork(ownSubnet)
    const connected = connectedNetworks(facts).filter(([network]) => ofFamily(network))
    const routed = (facts.host?.routes ?? []).filter(({ destination }) => ofFamily(destination))
    const named = [
      ...connected.map(([network, link]) => [network, `the network of ${link}`] as const),
      ...routed.map(({ destination, link }) => [destination, `which this host routes over ${link}`] as const),
    ].map(([network, what]): Named => [rangeOfNetwork(network), `${network}, ${what}`])
    const isAround = ([network]: Named) => this.#networks.some(([inner]) => rangeContains(network, inner))
    const addresses = protectedAddresses(facts).filter(([address]) => ofFamily(address))
    this.#protected = new NamedRanges([
      ...addresses.map(([address, name]): Named => [rangeOfAddress(address), `${address}, ${name}`]),
      ...named.filter((network) => !isAround(network)),
    ])
    this.#around = new NamedRanges(named.filter(isAround))
    this.#ownAddresses = new Set(ownAddresses(facts).filter(ofFamily))
    this.#broadcasts = broadcastsOf(connected.map(([network]) => network))
  }

  overlapsOwn(subnet: AddressRange): boolean {
    return this.#ownSubnet !== undefined && rangesOverlap(this.#ownSubnet, subnet)
  }

  whyNot(claim: Claim, subnet: AddressRange): string | undefined {
    const { publicAddress } = claim
    if (publicAddress !== undefined) {
      const why = this.#whyNotAddress(publicAddress)
      if (why !== undefined) return why
      const address = rangeOfAddress(publicAddress)
      if (rangeContains(subnet, address)) {
        return `${claim.subnet} contains the address of its own node, ${publicAddress}`
      }
      claim.isAddressInNetwork = this.#isInNetwork(address)
    }
    const taken = this.#protected.overlapping(subnet)
    if (taken !== undefined) return `${claim.subnet} overlaps ${taken}`
    return this.#isInNetwork(subnet) ? undefined : this.#whyNotOutside(claim.subnet, subnet)
  }

  #whyNotAddress(address: string): string | undefined {
    const { publicAddress } = this.#parts.written
    const special = whyNoHostAddress(address)
    if (special !== undefined) return `its ${publicAddress}, ${address}, is ${special}`
    if (this.#ownAddresses.has(address)) return `its ${publicAddress}, ${address}, is an address of this host`
    if (this.overlapsOwn(rangeOfAddress(address))) {
      return `its ${publicAddress}, ${address}, lies in this node's own subnet: only a pod can be there`
    }
    const network = this.#broadcasts.get(address)
    return network && `its ${publicAddress}, ${address}, is the broadcast address of ${network}`
  }

  #whyNotOutside(text: string, subnet: AddressRange): string {
    const unroutable = unroutablePart(requireCidr(text))
    if (unroutable !== undefined) return `${text} overlaps ${unroutable}`
    const around = this.#around.overlapping(subnet)
    if (around !== undefined) return `${text} overlaps ${around}`
    const networks = this.#networks.map(([, name]) => name).join(' or ')
    return `${text} is not inside ${networks || `any ${this.#parts.name} network`}`
  }

  #isInNetwork(range: AddressRange): boolean {
    for (const [network] of this.#networks) if (rangeContains(network, range)) return true
    return false
  }
}

type Named = readonly [range: AddressRange, name: string]

function ownAddresses({ own, host, externalInterface: { ipv4, ipv6 } }: AdmissionFacts): readonly string[] {
  const { publicIp, publicIpv6 } = own.attributes
  const ofLinks = (host?.addresses ?? []).map(({ address }) => address)
  return [publicIp, publicIpv6, ipv4, ipv6, ...ofLinks].filter((address) => address !== undefined)
}

function protectedAddresses(facts: AdmissionFacts): readonly (readonly [address: string, name: string])[] {
  const { host, store } = facts
  return [
    ...store.addresses.map((address) => [address, `at which ${store.name} is reached`] as const),
    ...(host?.gateways ?? []).map((address) => [address, 'a gateway of this host'] as const),
    ...ownAddresses(facts).map((address) => [address, 'an address of this host'] as const),
  ]
}

/** The networks that the host has on its links. */
function connectedNetworks({
  host,
  externalInterface: { name, onLink },
}: AdmissionFacts): readonly (readonly [network: string, link: string])[] {
  const others = (host?.addresses ?? []).map(
    ({ link, address, prefixLength }) =>
      [formatCidr(requireCidr(`${address}/${prefixLength}`)), link] as const,
  )
  return [...onLink.map((network) => [network, name] as const), ...others]
}

/** The broadcast addresses of IPv4 networks, and the network of each. A /31 has none (RFC 3021). */
function broadcastsOf(networks: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    networks
      .map(requireCidr)
      .filter(({ family, length }) => family === 4 && length < 31)
      .map((network) => [formatAddress({ family: 4, value: lastAddress(network) }), formatCidr(network)]),
  )
}
