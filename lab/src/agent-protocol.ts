import type { Lease } from '@selvedge/core'

/** What a host's agent is told when it is started: one JSON text, its only argument. */
export interface AgentSettings {
  /** The LMDB folder that all hosts share, with the network config in it. */
  store: string
  /** Where to write subnet.env, and where to find the subnet that was held before. */
  subnetEnv: string
  /** Milliseconds from start to end of a lease. The store's own default where absent. */
  leaseTtl?: number
}

/** What a host's agent tells: one JSON text a line on its standard output. */
export type AgentEvent =
  /** The overlay has started and subnet.env is written. */
  | { event: 'ready'; lease: Lease; mtu: number }
  | { event: 'lease'; lease: Lease }
  | { event: 'peer'; type: 'put' | 'delete'; lease: Lease }
  /** The kernel holds what all known leases call for. */
  | { event: 'sync' }
  | { event: 'drift'; resources: readonly string[] }
  | { event: 'error'; code: string; message: string }
