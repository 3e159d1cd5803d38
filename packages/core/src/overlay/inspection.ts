import type { Operation } from '../contract/driver.js'
import type { Resource } from '../contract/resource.js'

/** One desired resource, and on whose behalf. */
export interface DesiredResource {
  /** What is to be held. */
  readonly resource: Resource
  /** The keys of the leases that require it, the one that counts first; this node's own lease among them. */
  readonly owners: readonly string[]
}

/** What an overlay desires, beside what its drivers hold. */
export interface Inspection {
  /** Each desired resource once, however many leases require it. */
  readonly desired: readonly DesiredResource[]
  /**
   * What would be written now, as `plan` returns it. A desired resource without an operation is held; a `put` is one that
   * is missing, or differs from `actual`; a `delete` is one that is the overlay's own and not desired.
   */
  readonly operations: readonly Operation[]
}
