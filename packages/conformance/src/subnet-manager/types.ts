import type { Lease, SubnetManager } from '@selvedge/core'

/**
 * What a store can do beyond the least. Everything is taken for true unless it is declared false, and a test whose
 * feature is declared false is left out.
 */
export interface StoreFeatures {
  /** The store chooses subnets itself. False where others assign them, as Kubernetes does its PodCIDRs. */
  readonly allocation: boolean
  /** Leases end unless renewed. Needs `advance` and `leaseTermMs`. */
  readonly expiry: boolean
  /** Leases that never end. Needs `reserve`. */
  readonly reservations: boolean
  /** The network config may be written, and written again, while managers run. Needs `setNetworkConfig`. */
  readonly configChanges: boolean
  /** Dual-stack and IPv6-only networks. */
  readonly ipv6: boolean
  /** Others may write records that are no leases. Needs `putRecord`. */
  readonly foreignRecords: boolean
  /** The store may be away for a while. Needs `interrupt`. */
  readonly interruptions: boolean
}

/** A fresh store, as a test of the suite finds it. */
export interface StoreUnderTest {
  /**
   * A manager of its own for node number `node` (from 1), such as another process of that node would open. The suite
   * disposes of it. Where nodes exist before they have leases (Kubernetes), this is the place to make one.
   */
  connect(node: number): SubnetManager | Promise<SubnetManager>
  /** Writes the network config, as an administrator does. */
  setNetworkConfig?(config: object): unknown
  /** Writes a lease that never ends, as an administrator does. */
  reserve?(lease: Lease): unknown
  /** Lets so many ms pass on the store's clock. */
  advance?(milliseconds: number): unknown
  /** How long a lease lasts on the store's clock, in ms. */
  readonly leaseTermMs?: number
  /** Writes any record where leases are kept, under a key in the form of `leaseKey` or not. */
  putRecord?(key: string, value: string): unknown
  /** Takes the store away from every manager, awaits `meanwhile`, gives it back. */
  interrupt?(meanwhile: () => Promise<void>): unknown
}

export interface SubnetManagerSuiteOptions<Store extends StoreUnderTest = StoreUnderTest> {
  /** Makes a store that holds no leases, with this network config, or with none. Called for every test. */
  setup(config: object | undefined): Store | Promise<Store>
  /** Removes it. Every manager that the suite made is disposed of by then. */
  teardown?(store: Store): unknown
  readonly supports?: Partial<StoreFeatures>
  /** How long anything may take before it has failed, in ms; 10,000 where absent. */
  readonly timeoutMs?: number
}
