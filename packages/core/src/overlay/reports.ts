import type { ExternalInterface } from '../contract/node-context.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { Drift } from '../reconciler/delta-tracker.js'
import type { ReconcilerStatus } from '../reconciler/reconciler.js'
import type { SyncReport } from '../reconciler/sync-tally.js'
import type { OverlayError } from '../util/errors.js'
import type { LeaseKeeperEvent } from './lease-keeper.js'
import type { PeerEvent } from './lease-table.js'

/**
 * Where an overlay is in its life: `idle` until `start` is called, and again if that rejects; `starting` until it
 * resolves; `running` until `stop` is called; `stopping` until that has ended; then `stopped` for good.
 */
export type OverlayState = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped'

/** For health checks and metrics. */
export interface OverlayStatus extends ReconcilerStatus {
  /** Where the overlay is in its life. */
  readonly state: OverlayState
  /** What `start` waits for, such as `the network config from etcd`; undefined when it is not under way. */
  readonly waitingFor: string | undefined
  /**
   * Why there is no uplink yet, such as `there is no default route …`; undefined while there is one. Until it is there, this
   * overlay is what its node was before, and holds what needs no uplink.
   */
  readonly awaitsUplink: string | undefined
  /** How many leases are in the store, this node's own among them. */
  readonly leases: number
  /** When what is known of the leases was last up to date, in ms since the epoch. */
  readonly leasesAsOf: number | undefined
  /** What keeps the store from saying more; undefined while it is well. */
  readonly storeError: OverlayError | undefined
  /** What is wrong with the config in the store, so that the one in force stays; undefined while it is valid. */
  readonly configError: OverlayError | undefined
  /**
   * When the store last said what config it has, in ms since the epoch. It is read about once a minute; a store that has none
   * says nothing.
   */
  readonly configAsOf: number | undefined
}

/** A start that failed and is tried again; `error` was an `error` event just before. */
export interface StartRetry {
  /** How many tries have failed. */
  readonly attempts: number
  /** Why the last try failed. */
  readonly error: OverlayError
  /** Until the next try, in ms. */
  readonly delayMs: number
}

/**
 * A node whose host has no uplink yet has started as what it was before: `awaited` says why there is none, again whenever
 * that changes. `found`: it is there, maybe another one, or in another network; from now on all that needs it is written.
 */
export type UplinkEvent =
  | {
      readonly type: 'awaited'
      /** The interface as it was in an earlier run, which this node goes by meanwhile. */
      readonly externalInterface: ExternalInterface
      /** Why there is no uplink, as the driver said it. */
      readonly why: string
    }
  | {
      readonly type: 'found'
      /** The interface that packets to peers leave by from now on. */
      readonly externalInterface: ExternalInterface
    }

/**
 * A running overlay's store does not answer any more, or answers again: once each, however often it is asked meanwhile.
 * `status.storeError` is there from the one to the other.
 */
export type StoreEvent =
  | {
      readonly type: 'away'
      /** Why, as the store said it first. */
      readonly error: OverlayError
    }
  | {
      readonly type: 'back'
      /** How long it was away, in ms. */
      readonly awayMs: number
    }

/** A network config that was read from the store. It may hold secrets, such as a pre-shared key. */
export interface ConfigEvent {
  /**
   * `read`: a start goes by it. `changed`: the store has another than the one in force now, or that one again. It is not
   * followed while the lease stands; if the lease is lost, the overlay restarts by it as a whole.
   */
  readonly type: 'read' | 'changed'
  /** As it was read, with its defaults filled in. */
  readonly config: NetworkConfig
  /** What differs from the config in force, in a phrase each; a `warning` says the same. Empty for `read`. */
  readonly differences: readonly string[]
}

/** The names of the events, each once, which the compiler checks. */
export const EVENT_NAMES = Object.keys({
  lease: true,
  peer: true,
  sync: true,
  drift: true,
  config: true,
  mtu: true,
  uplink: true,
  store: true,
  error: true,
  recovered: true,
  warning: true,
  status: true,
  joined: true,
  waiting: true,
  retry: true,
} satisfies Record<keyof OverlayEvents, true>) as (keyof OverlayEvents)[]

/** By name: what a listener is called with. */
export interface OverlayEvents {
  /** This node's own lease. `changed` calls for a new subnet.env. */
  lease: [LeaseKeeperEvent]
  /** A peer came, changed or went. */
  peer: [PeerEvent]
  /** A round of writes has ended. */
  sync: [SyncReport]
  /** Another program changed what is ours; it is being repaired. */
  drift: [readonly Drift[]]
  /** The network config was read by a start, or has changed since. */
  config: [ConfigEvent]
  /** The MTU for pods changed with that of the external interface: calls for a new subnet.env. */
  mtu: [number]
  /** The interface that packets to peers leave by is waited for, or is there. */
  uplink: [UplinkEvent]
  /** The store is away, or back. */
  store: [StoreEvent]
  /**
   * Something failed and is being retried, or was ignored. That the store is away is reported at first, and then at
   * intervals that grow to a minute.
   */
  error: [OverlayError]
  /**
   * What an `error` said of the external interface or of the config in the store is over: the same error comes again if it
   * happens again.
   */
  recovered: [OverlayError]
  /** Something works, but not as well as it could, or looks mistaken. */
  warning: [string]
  /** The state changed to this one. */
  status: [OverlayState]
  /**
   * This node has a lease, and the drivers hold what it needs whatever its peers are: `subnetEnv` may be asked, and
   * pods be set up, while `start` still waits for the first list of leases. Again after each restart.
   */
  joined: []
  /** What `start` waits for now, as in the status; again, with the reason, as soon as the store knows one. */
  waiting: [what: string, why?: OverlayError]
  /** `start` failed, and is tried again as it was asked to. */
  retry: [StartRetry]
}
