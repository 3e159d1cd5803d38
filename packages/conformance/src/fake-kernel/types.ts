import type { Resource } from '@selvedge/core'
import type { Cidr, Family, LinkSettings } from '@selvedge/core/kit'

export interface VxlanState {
  readonly vni: number
  readonly port: number
  readonly local: string | undefined
  /** The link itself, not its name: renaming a parent leaves the VXLAN link on it. */
  readonly parent: LinkState | undefined
  readonly learning: boolean
  readonly gbp: boolean
}

export interface AddressState {
  readonly address: string
  readonly prefixLength: number
  /** The link-local address that the kernel gives an interface when it comes up. */
  readonly madeByKernel: boolean
}

export interface NeighbourState {
  readonly address: string
  readonly macAddress: string
  readonly permanent: boolean
}

export interface FdbState {
  readonly macAddress: string
  /** One for a unicast MAC, any number for a multicast or the all-zero one. */
  readonly destinations: readonly string[]
  /** Of the MAC, with all its destinations. */
  readonly permanent: boolean
}

export interface LinkState {
  readonly index: number
  name: string
  readonly type: string
  mtu: number
  macAddress: string
  up: boolean
  alias: string | undefined
  acceptRouterAdvertisements: boolean | undefined
  /** Of a VXLAN link. */
  readonly vxlan: VxlanState | undefined
  /** Of a link of any other type, of which the fake keeps them as they are. */
  readonly settings: LinkSettings | undefined
  /** By `address/length`. */
  readonly addresses: Map<string, AddressState>
  /** By address. */
  readonly neighbours: Map<string, NeighbourState>
  /** By MAC. */
  readonly fdb: Map<string, FdbState>
}

export interface RouteState {
  readonly destination: string
  /** `destination`, parsed once. */
  readonly network: Cidr
  readonly table: number
  readonly tos: number
  readonly metric: number
  readonly type: 'unicast' | 'blackhole'
  readonly link: LinkState | undefined
  readonly gateway: string | undefined
  readonly onLink: boolean
  /** rtm_protocol: who made it. */
  readonly protocol: number
}

/** What a notification says. */
export interface Change {
  readonly verb: 'added' | 'changed' | 'removed'
  readonly kind: 'link' | 'address' | 'route' | 'neighbour' | 'fdb'
  /** The link that it is on; as it was, if the link is gone. */
  readonly link?: LinkState | undefined
  readonly route?: RouteState | undefined
  /** Of a neighbour or an fdb entry. */
  readonly permanent?: boolean | undefined
}

/** A ruleset as `@selvedge/firewall` makes it, by its structure: all rules of one mode and family, as text. */
export interface FakeRuleset extends Resource {
  readonly kind: 'ruleset'
  /** By which of the kernel's two interfaces it is held. */
  readonly mode: 'iptables' | 'nftables'
  /** Of the packets that it meets. */
  readonly family: Family
  /** As `iptables-restore --noflush` or `nft -f` takes it. */
  readonly text: string
}
