import type { Drift, Lease, LeaseKeeperEvent, PeerEvent, SyncReport } from '@selvedge/core'

/** The settings of a host's agent: one JSON text, its only argument. */
export interface AgentSettings {
  /** The LMDB file that all hosts share, with the network config in it. */
  store: string
  /** The file to write subnet.env to, and to read the previous subnet from. */
  subnetEnv: string
  /** Whether the host masquerades what its pods send outside the network. Default: false, and no traffic rules. */
  ipMasq?: boolean
  /** How long a lease lasts unless renewed, in ms. Default: the store's. */
  leaseTerm?: number
  /** After how many seconds ipsec replaces a tunnel's keys. Default: the backend's. */
  rekeySeconds?: number
  /** How long before its end a lease is renewed, in ms. Default: the overlay's. */
  renewMargin?: number
  /** What carries WireGuard's packets on the host. Default: the kernel if it can, else wireguard-go. */
  wireguard?: 'kernel' | 'userspace' | undefined
  /** Where a charon of the host's own listens, for ipsec. Default: the agent starts one. */
  viciUri?: string | undefined
}

/** What a host's agent prints: one JSON text a line. */
export type AgentEvent =
  /** The overlay has started and subnet.env is written. */
  | { event: 'ready'; lease: Lease; mtu: number }
  /** For the first time, the kernel's state is as all known leases require. */
  | { event: 'in-sync' }
  | { event: 'lease'; type: LeaseKeeperEvent['type']; lease: Lease }
  | { event: 'peer'; type: PeerEvent['type']; lease: Lease }
  | ({ event: 'sync' } & SyncReport)
  | { event: 'drift'; drift: readonly Drift[] }
  | { event: 'error'; code: string; message: string }
  | { event: 'warning'; message: string }
