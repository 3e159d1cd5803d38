import type { AbortOptions, ErrorCode, PublicAddresses, SubnetManager } from '@selvedge/core'

/** What a store may have to wait for. */
export const PREREQUISITES = ['network-config', 'node', 'pod-cidr'] as const

export type Prerequisite = (typeof PREREQUISITES)[number]

/** What a store cannot go on without, and by which code it would fail for want of it, where there is one. */
export interface Waiting {
  readonly for: Prerequisite
  readonly message: string
  readonly code?: ErrorCode | undefined
}

/** Told of what becomes of a store. */
export interface StoreEvents {
  /** It waits; undefined where it goes on, unless what it goes on with tells that. */
  readonly onWaiting: (why: Waiting | undefined) => void
  /** What `nodeAddresses` told may be another by now: this is what it would tell. */
  readonly onNodeAddresses: (addresses: PublicAddresses) => void
}

export interface OpenStore {
  readonly subnets: SubnetManager
  /** What tells this store from another: leases of one are none of the other's. No secret is in it. */
  readonly identity: string
  /** The addresses that the store says this node has: they outrank flags, and name the interface to peers. */
  readonly nodeAddresses?: ((options: AbortOptions) => Promise<PublicAddresses>) | undefined
  /** Tells the store that pods of this node have a network. May be called again, and costs little then. */
  readonly reportUp?: ((options: AbortOptions) => Promise<void>) | undefined
}
