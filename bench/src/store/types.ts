import type { Lease } from '@selvedge/core'

/** A store that agents are measured with. */
export interface StoreServer {
  /** Its name and version. */
  readonly title: string
  /** The agents' flags that lead to it. */
  readonly flags: readonly string[]
}

/** How many requests of each kind a store has been sent. */
export type RequestCounts = Readonly<Record<string, number>>

/** In `RequestCounts`: what keeps a delivery flowing. */
export const FLOW_CONTROL = 'flow control'

/** What benchmarks do to a store beside an agent. */
export interface StoreClient {
  /** Writes a network config, and leases as the agents of as many nodes would. */
  load(config: object, leases: readonly Lease[]): Promise<void>
  /** Resolves with the store's answer. */
  put(lease: Lease): Promise<void>
  delete(lease: Lease): Promise<void>
  /** Counts all requests from now on. Call what it resolves with for the counts so far. */
  count(): Promise<() => Promise<RequestCounts>>
  close(): Promise<void>
}
