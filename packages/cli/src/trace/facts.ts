import type { InspectedIpsec, InspectedPeer, KnownLease, ResourceEntry } from '@selvedge/agent'
import type { LinkAnswer, NeighbourAnswer, RouteAnswer } from '@selvedge/dataplane-linux'

/** What the kernel answered about one neighbour. */
export interface AskedNeighbour {
  readonly link: string
  readonly address: string
  readonly answer: NeighbourAnswer | undefined
}

/** What a WireGuard device answered. */
export interface AskedWireguard {
  readonly device: string
  /** Undefined if it is not read: there is no such device, or nothing carries its packets. */
  readonly peers: readonly InspectedPeer[] | undefined
  /** Why not, if it refused. */
  readonly problem?: string | undefined
}

/** The kernel's IPsec, and the packet that it was asked for. */
export interface AskedIpsec extends InspectedIpsec {
  /** The packet's source, or an address of this node's pods. */
  readonly source: string
  readonly destination: string
}

/** The way of the tunnel's own packets. */
export interface AskedUnderlay {
  readonly address: string
  readonly route: RouteAnswer
  readonly link?: LinkAnswer | undefined
  readonly neighbour?: AskedNeighbour | undefined
}

/** What was asked of the kernel on the way of a packet, hop by hop. */
export interface AskedPath {
  readonly route: RouteAnswer
  readonly link?: LinkAnswer | undefined
  readonly neighbour?: AskedNeighbour | undefined
  /** Of a VXLAN link. */
  readonly fdb?: { readonly macAddress: string; readonly answer: readonly string[] } | undefined
  readonly wireguard?: AskedWireguard | undefined
  /** Undefined if the kernel has no IPsec, or no packet to apply it to is known. */
  readonly ipsec?: AskedIpsec | undefined
  readonly underlay?: AskedUnderlay | undefined
}

/** What the leases require, and who they are. */
export interface DesiredState {
  /** The key of this node's lease. */
  readonly own: string
  /** The type of the network's backend. */
  readonly backend: string
  readonly networks: readonly string[]
  readonly leases: readonly KnownLease[]
  readonly entries: readonly ResourceEntry[]
}

/** All that a trace follows from. */
export interface TraceFacts {
  readonly source?: string | undefined
  readonly destination: string
  readonly asked: AskedPath
  /** Undefined if nobody says. */
  readonly desired?: DesiredState | undefined
  /** In ms since the epoch. */
  readonly now: number
}
