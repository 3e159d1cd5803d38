import type { Lease, SubnetManager } from '@selvedge/core'
import type { NotInferred } from '../not-inferred.js'

/**
 * Optional features of a store. Each is assumed unless it is declared false, and the tests of a feature that is
 * declared false are left out.
 */
export interface StoreFeatures {
  /** The store chooses subnets itself. False if something else assigns them, as Kubernetes assigns PodCIDRs. */
  readonly allocation: boolean
  /** Leases expire unless renewed. Needs `advance` and `leaseTermMs`. */
  readonly expiry: boolean
  /** Leases that never expire. Needs `reserve`. */
  readonly reservations: boolean
  /** Managers are operators' tools too: `SubnetAdministration`. Needs `allocation` and `reservations`. */
  readonly administration: boolean
  /**
   * Operators can change a config only if it is still what they read: `networkConfigText`, and `replaces` of
   * `setNetworkConfig`. Needs `administration`.
   */
  readonly conditionalConfig: boolean
  /** Operators can delete reservations: `cancelReservation`. Needs `administration`. */
  readonly cancellation: boolean
  /** The network config may be written and changed while managers run. Needs `setNetworkConfig`. */
  readonly configChanges: boolean
  /** Dual-stack and IPv6-only networks. */
  readonly ipv6: boolean
  /** The store may hold records that are not leases. Needs `putRecord`. */
  readonly foreignRecords: boolean
  /** Leases say which write of their record they are: `Lease.created` and `Lease.version`. */
  readonly versions: boolean
  /** The store may become unreachable for a while. Needs `interrupt`. */
  readonly interruptions: boolean
}

/** A fresh store, as a test of the suite finds it. */
export interface StoreUnderTest {
  /**
   * Opens another manager for node number `node` (from 1), as another process of that node would. The suite disposes
   * of it. If nodes exist before they have leases (Kubernetes), create the node here.
   */
  connect(node: number): SubnetManager | Promise<SubnetManager>
  /** Writes the network config, as an operator does. */
  setNetworkConfig?(config: object): unknown
  /** Writes a reservation: a lease that never expires. */
  reserve?(lease: Lease): unknown
  /** Advances the store's clock, in ms. */
  advance?(milliseconds: number): unknown
  /** How long a lease lasts on the store's clock, in ms. */
  readonly leaseTermMs?: number
  /** Writes any record beside the leases, whether its key has the form of `leaseKey` or not. */
  putRecord?(key: string, value: string): unknown
  /** Makes the store unreachable for every manager while `meanwhile` runs. */
  interrupt?(meanwhile: () => Promise<void>): unknown
}

/** What a test of the suite does with its store. */
export interface StoreUse {
  /** Whether it lets leases end. If not, the store may give them any term, so that none ends on a slow machine. */
  readonly expires: boolean
}

/** What `subnetManagerSuite` is called with. `Store` is what `setup` makes, and `teardown` takes. */
export interface SubnetManagerSuiteOptions<Store extends StoreUnderTest = StoreUnderTest> {
  /** Makes a store without leases, with this network config or none. Called for every test. */
  setup(config: object | undefined, use: StoreUse): Store | Promise<Store>
  /** Removes it, after every manager that the suite opened is disposed of. */
  teardown?(store: NotInferred<Store>): unknown
  /** What the store does not support. Default: it supports everything. */
  readonly supports?: Partial<StoreFeatures>
  /** How long a step may take before it counts as failed, in ms. Default: 10,000. */
  readonly timeoutMs?: number
}
