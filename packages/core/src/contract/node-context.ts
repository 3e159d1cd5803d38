import type { Lease } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'

/** An address of the host's, and the network around it. */
export interface HostAddress {
  /** The link that has it. */
  readonly link: string
  /** In canonical form, without its prefix length. */
  readonly address: string
  /** From 0 to 32, or to 128 for IPv6. */
  readonly prefixLength: number
}

/** A network that the host sends over a link of its own, such as one behind a VPN. */
export interface HostRoute {
  /** The link that it leaves by. */
  readonly link: string
  /** CIDR. */
  readonly destination: string
  /** The router on the way there; of several, the first. Absent if it is reached without one. */
  readonly gateway?: string | undefined
}

/** The network of the host itself: no peer's lease may take any of it. */
export interface HostNetwork {
  /** The addresses of its links, but for the loopback's `127.0.0.1/8` and `::1`, and IPv6 link-local ones. */
  readonly addresses: readonly HostAddress[]
  /** The gateways of its routes. */
  readonly gateways: readonly string[]
  /** Its routes over other links than the external interface: not the default ones, nor those of its `addresses`. */
  readonly routes?: readonly HostRoute[] | undefined
  /**
   * Its routes over the external interface by a gateway, but for the default ones. They may be another agent's, such as
   * flanneld's with host-gw, to the very peers: a lease inside one is no conflict.
   */
  readonly routesByGateway?: readonly HostRoute[] | undefined
  /** The hardware addresses of its links: a host is known by them. Absent if they are not known. */
  readonly macAddresses?: readonly string[] | undefined
}

/** A network that seems to be on the link of the external interface, and is not. */
export interface RoutedNetwork {
  /** CIDR. */
  readonly network: string
  /** The route by which it is reached, or not, for messages, such as `172.16.9.0/24 via 172.16.0.9 dev eth0`. */
  readonly by: string
}

/** The interface that packets to peers leave by, as it was when it was looked at. */
export interface ExternalInterface {
  /** As the kernel names it, such as `eth0`. */
  readonly name: string
  /** Its hardware address, in hexadecimal; absent if it has none, or it is not known. */
  readonly macAddress?: string | undefined
  /** In bytes. */
  readonly mtu: number
  /** Its address of each family, if it has one: the source of what goes to peers. */
  readonly ipv4?: string | undefined
  /** The same of IPv6. */
  readonly ipv6?: string | undefined
  /** The networks (CIDR) that are reached over it without a gateway. */
  readonly onLink: readonly string[]
  /**
   * Networks that the host sends elsewhere nevertheless: to a gateway, over another interface or nowhere. For an address
   * in several networks, of these and of `onLink`, the longest prefix counts.
   */
  readonly routed?: readonly RoutedNetwork[] | undefined
  /** The host around it, as it was at the same time; absent if what found the interface cannot see it. */
  readonly host?: HostNetwork | undefined
  /** Why it was chosen, in words, such as `the default route leaves by it`. */
  readonly reason?: string | undefined
}

/** What of an external interface is worth keeping from one run to the next: which it was, and why it was chosen. */
export interface ChosenInterface
  extends Pick<ExternalInterface, 'name' | 'macAddress' | 'ipv4' | 'ipv6' | 'reason'> {
  /** In bytes; absent if it was not kept. */
  readonly mtu?: number | undefined
}

/** Where what is known about a node came from, in words, for whoever looks into it. */
export interface NodeOrigins {
  /** Such as `linux: the default route leaves by it`, or `given as an option`. */
  readonly externalInterface: string
  /** Such as `the address of eth0`, or `given as an option`. Absent if the family is off. */
  readonly publicIp?: string | undefined
  /** The same of IPv6. */
  readonly publicIpv6?: string | undefined
}

/** What a backend knows about the node that it works for. */
export interface NodeContext {
  /** The network's config, with its defaults filled in. */
  readonly config: NetworkConfig
  /** The interface that packets to peers leave by. */
  readonly externalInterface: ExternalInterface
  /** The addresses at which peers reach this node: the interface's own, unless set otherwise (behind NAT). */
  readonly publicIp?: string | undefined
  /** The same of IPv6. Undefined if IPv6 is off. */
  readonly publicIpv6?: string | undefined
  /** An overlay always says it. */
  readonly origins?: NodeOrigins | undefined
  /** What this node is found to have published before, if anything: keep what peers know it by. */
  readonly previous?: Lease | undefined
}

/** The same once the node has its lease. */
export interface LeaseContext extends NodeContext {
  /** This node's own lease, with the attributes that were published with it. */
  readonly lease: Lease
}
