import type { AbortOptions, ErrorCode, LeaseAttributes, SubnetManager } from '@selvedge/core'

/** What a store cannot go on without, and by which code it would fail for want of it, where there is one. */
export interface Waiting {
  readonly message: string
  readonly code?: ErrorCode | undefined
}

/** Told of what a store waits for. */
export interface StoreEvents {
  readonly onWaiting: (why: Waiting) => void
}

export interface OpenStore {
  readonly subnets: SubnetManager
  /** What tells this store from another: leases of one are none of the other's. No secret is in it. */
  readonly identity: string
  /** The addresses that the store says this node has: they outrank flags, and name the interface to peers. */
  readonly nodeAddresses?:
    | ((options: AbortOptions) => Promise<Pick<LeaseAttributes, 'publicIp' | 'publicIpv6'>>)
    | undefined
  /** Tells the store that pods of this node have a network. May be called again, and costs little then. */
  readonly reportUp?: ((options: AbortOptions) => Promise<void>) | undefined
}
