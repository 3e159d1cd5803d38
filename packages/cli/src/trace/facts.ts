import type { KnownLease, ResourceEntry } from '@selvedge/agent'
import type { LinkAnswer, NeighbourAnswer, RouteAnswer } from '@selvedge/dataplane-linux'

/** What the kernel answered about one neighbour. */
export interface AskedNeighbour {
  readonly link: string
  readonly address: string
  readonly answer: NeighbourAnswer | undefined
}

/** What was asked of the kernel on the way of a packet, hop by hop. */
export interface AskedPath {
  readonly route: RouteAnswer
  readonly link?: LinkAnswer | undefined
  readonly neighbour?: AskedNeighbour | undefined
  /** Of a VXLAN link. */
  readonly fdb?: { readonly macAddress: string; readonly answer: readonly string[] } | undefined
  /** Of the tunnel's own packets. */
  readonly underlay?:
    | {
        readonly address: string
        readonly route: RouteAnswer
        readonly link?: LinkAnswer | undefined
        readonly neighbour?: AskedNeighbour | undefined
      }
    | undefined
}

/** All that a trace follows from. */
export interface TraceFacts {
  readonly source?: string | undefined
  readonly destination: string
  readonly asked: AskedPath
  /** What the leases require; undefined if nobody says. */
  readonly desired?:
    | {
        readonly own: string
        readonly networks: readonly string[]
        readonly leases: readonly KnownLease[]
        readonly entries: readonly ResourceEntry[]
      }
    | undefined
}
