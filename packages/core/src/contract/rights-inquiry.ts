import type { AbortOptions } from '../util/abort.js'

/** Something that a node does with its store, and whether the store lets it. */
export interface StoreRight {
  /** For messages: `list the leases below /coreos.com/network/subnets/`. */
  readonly does: string
  /** Whether the store lets this node do it. */
  readonly isAllowed: boolean
  /** What gives the right, for messages: `etcdctl role grant-permission …`. */
  readonly remedy: string
}

/** A store that says which of its rights a node has. Managers implement it beside `SubnetManager`; an overlay needs none of it. */
export interface RightsInquiry {
  /** Every right that a node needs, asked for without changing anything. Rejects as other calls do if the store does not answer. */
  rights(options?: AbortOptions): Promise<readonly StoreRight[]>
}
