import type { Driver } from '../contract/driver.js'
import type { ExternalInterface } from '../contract/node-context.js'
import type { Part } from '../contract/part.js'
import type { SubnetManager } from '../contract/subnet-manager.js'
import type { Lease, PublicAddresses } from '../lease/lease.js'
import type { Drift } from '../reconciler/delta-tracker.js'
import type { SyncReport } from '../reconciler/sync-tally.js'
import type { Clock, Random } from '../util/clock.js'
import type { OverlayError } from '../util/errors.js'
import type { BackendChoice } from './choose-backend.js'
import type { FoundInterface } from './external-interface.js'
import type { LeaseKeeperEvent } from './lease-keeper.js'
import type { PeerEvent } from './lease-table.js'
import type { PreviousNode } from './options.js'
import type { ConfigEvent, StoreEvent, UplinkEvent } from './reports.js'

export interface OverlayNodeOptions extends PublicAddresses {
  readonly subnets: SubnetManager
  readonly backends: BackendChoice
  readonly parts: readonly Part[]
  readonly drivers: readonly Driver[]
  readonly externalInterface: ExternalInterface | undefined
  readonly previous: PreviousNode | undefined
  /** What this node was until a moment ago, before it joined again under another config. */
  readonly former: FormerNode | undefined
  readonly renewMarginMs: number
  readonly resyncIntervalMs: number
  readonly clock: Clock
  readonly random: Random
  readonly observer: OverlayNodeObserver
}

/** What remains of a node that joins again. */
export interface FormerNode {
  readonly lease: Lease
  readonly found: FoundInterface
  /** What it served, and may have left resources of. */
  readonly networks: readonly string[]
}

/** Hears of everything, and is asked nothing. */
export interface OverlayNodeObserver {
  lease(event: LeaseKeeperEvent): void
  peer(event: PeerEvent): void
  sync(report: SyncReport): void
  drift(drift: readonly Drift[]): void
  config(event: ConfigEvent): void
  mtu(mtu: number): void
  error(error: OverlayError): void
  /** What this error said is over. */
  recovered(error: OverlayError): void
  warning(text: string): void
  /** The uplink is waited for, or is there. */
  uplink(event: UplinkEvent): void
  /** The store is away, or back. */
  store(event: StoreEvent): void
  /** What joining waits for next, or why it still does. */
  waiting(what: string, why?: OverlayError): void
  /** The lease is held, and what this node needs whatever its peers are is written. */
  joined(): void
  /** The lease is lost, and the network is another by now: this node has to leave, and join again. */
  outdated(): void
}
