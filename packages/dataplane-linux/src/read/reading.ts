import type { AbortOptions } from '@selvedge/core'
import type { KernelResource, Slices } from '@selvedge/core/kit'
import type { KernelState } from '../cache/kernel-state.js'
import type { LinkTypes } from '../link-types/index.js'
import type { NetlinkConnection } from '../netlink/index.js'
import type { Sysctl } from '../sysctl.js'
import type { LinkTable } from './link-table.js'

export interface SnapshotSource {
  readonly connection: NetlinkConnection
  readonly sysctl: Sysctl
  readonly linkTypes: LinkTypes
  /** RTPROT_* of our routes and nexthop objects. */
  readonly routeProtocol: number
  /** Whether this kernel has nexthop objects (Linux 5.3). */
  readonly hasNexthops: boolean
}

/** A snapshot while it is being read. */
export interface SnapshotReading {
  readonly source: SnapshotSource
  readonly links: LinkTable
  readonly options: AbortOptions
  /** Whoever goes over a whole table lets the event loop turn in between. */
  readonly slices: Slices
  /** Filled along with `resources`. */
  readonly state: KernelState
  readonly resources: KernelResource[]
}
