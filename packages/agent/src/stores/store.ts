import type { OverlayError, SubnetManager } from '@selvedge/core'

/** Told of what a store waits for. */
export interface StoreEvents {
  readonly onWaiting: (why: OverlayError) => void
}

export interface OpenStore {
  readonly subnets: SubnetManager
  /** What tells this store from another: leases of one are none of the other's. No secret is in it. */
  readonly identity: string
}
