import type { Lease, NetworkConfig } from '@selvedge/core'

/** What a node needs to know to take part in its network while the store is unavailable. */
export interface KnownNetwork {
  /** The network's config, as the store last had it. */
  readonly config: NetworkConfig
  /** This node's own lease. */
  readonly own: Lease | undefined
  /** All nodes' leases, by their keys. */
  readonly leases: ReadonlyMap<string, Lease>
  /** The IP addresses at which the store was reached, none if absent: some are learned from the store itself. */
  readonly storeAddresses?: readonly string[] | undefined
  /** When the store last said so, in ms since the epoch. */
  readonly asOf: number
}

/** Keeps what is known of a network between runs. */
export interface LeaseCache {
  /** What was saved last; undefined if there is nothing to be trusted. Never rejects. */
  load(): Promise<KnownNetwork | undefined>
  /**
   * Replaces what was saved before. Rejects with `STORE_UNAVAILABLE` if it cannot be kept; what was saved before
   * stays.
   */
  save(network: KnownNetwork): Promise<void>
}
