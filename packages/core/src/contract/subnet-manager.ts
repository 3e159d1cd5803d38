import type { Lease, LeaseAttributes, LeaseSubnets } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { AbortOptions } from '../util/abort.js'
import type { OverlayError } from '../util/errors.js'

/** What a node asks of a store. */
export interface LeaseRequest {
  /** What to publish. Its public address is what the store knows the node by. */
  readonly attributes: LeaseAttributes
  /**
   * If the store finds a lease of this node already there, it publishes what this returns instead of `attributes`: a
   * node that comes back keeps what its peers know it by, such as the MAC of its VTEP. It is not called if
   * the node holds no lease.
   */
  readonly adopt?: ((held: Lease) => LeaseAttributes) | undefined
  /** The subnet this node held before, as its subnet.env says: taken again if it is free and inside the network. */
  readonly previous?: LeaseSubnets | undefined
  /**
   * The lease that this node held before, as the store returned it. If its record has not been written since, as its
   * `version` says, it is this node's still, whatever public address the node has by now: see `acquireLease`.
   */
  readonly former?: Lease | undefined
  /**
   * Leases that are another node's although they bear this node's public address: that node has said so. They are
   * neither kept nor given up, and their subnets are taken.
   */
  readonly excluded?: readonly LeaseSubnets[] | undefined
  /**
   * Whether this node has no uplink yet, and its attributes are those that it had before: nothing leaves the host by this
   * lease, so that what stands in for a store may answer with one that has ended. Default: false.
   */
  readonly withoutUplink?: boolean | undefined
}

/**
 * What a watch yields. A `snapshot` is every lease there is; it comes first, and again after anything that might have
 * made the watch miss an event. Between snapshots each change comes once, in the store's order. A lease's renewal may
 * come as a `put` that says what the last one said. A store that sees only state, and not what has happened, yields a
 * snapshot for each change that it notices.
 */
export type LeaseEvent =
  | {
      readonly type: 'snapshot'
      /** All of them; a lease that was reported before and is not among them is gone. */
      readonly leases: readonly Lease[]
      /**
       * True if the store has lost its memory since the event before: it was wiped, replaced or restored from a backup, or
       * its network config is gone. That a lease is missing does not mean that its node is gone: its peers keep it for a
       * while.
       */
      readonly storeWasReset?: boolean | undefined
    }
  | {
      readonly type: 'put' | 'delete'
      /** As it is now; of a `delete`, as it was last known. */
      readonly lease: Lease
    }

/**
 * A store of leases. Every call may be made at any time and more than once at a time, by any number of nodes. The
 * suite `subnetManagerSuite` of `@selvedge/conformance` proves one.
 *
 * Errors: `STORE_UNAVAILABLE` if the store does not answer within the time it sets itself, `ACCESS_DENIED`,
 * `STORE_CORRUPT`; further ones at each method. After `Symbol.asyncDispose` every call rejects with `CLOSED`.
 *
 * Tests of `subnetManagerSuite`:
 * - rejects with the reason of a signal aborted before, and changes nothing
 * - rejects with the reason of a signal that aborts meanwhile, or does what it was asked
 * - rejects every call with CLOSED once disposed of, which may be repeated
 */
export interface SubnetManager extends AsyncDisposable {
  /** For messages, such as `etcd`. */
  readonly name: string

  /**
   * The IP addresses at which the store is reached, as far as it knows them: it may learn more later, and forgets none
   * that it still uses. No peer's subnet may contain one, so that no lease can cut a host off from its store. Absent
   * for a store that is not reached over the network.
   */
  addresses?(): readonly string[]
  /**
   * What looks mistaken in the way this store is used, a sentence each, as far as it has found out: an overlay asks after it
   * has read the network config, and reports each as a `warning`. Absent for a store that has none.
   */
  warnings?(): readonly string[]

  /**
   * The network's config. If the store holds none yet, waits for one until the signal aborts. Rejects with
   * `INVALID_CONFIG` for one that breaks a rule.
   *
   * Tests of `subnetManagerSuite`:
   * - returns the network config with its defaults filled in
   * - waits for the network config if there is none yet
   * - stops waiting for the network config when the signal aborts
   * - stops waiting for the network config when disposed of
   * - returns the network config that was written last
   */
  getNetworkConfig(options?: GetConfigOptions): Promise<NetworkConfig>

  /**
   * Leases a subnet, and is idempotent: a node that holds a lease (found by its public address) gets the same one,
   * with the attributes of the request, and one that never ends still never does; of several the one that `previous`
   * names. Of a store whose leases have versions, the record is written even if nothing in it changes, unless `previous`
   * names it: another node that holds it, and goes by the same address, sees a new version then (`Lease.version`). Else
   * the previous subnet if it is free, else any free one.
   *
   * Of a store whose leases have versions, a node whose public address is another than in `former` gets that lease, if its
   * record has not been written since: it is rewritten in place, in one step, and a reservation stays one. Records that
   * bear the new address are then another node's, and stay.
   *
   * A lease outside the network is given up for a new one. Two nodes never get the same
   * subnet, however many ask at once. Rejects with `SUBNETS_EXHAUSTED` if none is free.
   *
   * Tests of `subnetManagerSuite`:
   * - leases a subnet of the network, with the attributes asked for
   * - gives a node that asks again the same subnet, with its new attributes
   * - gives one node that asks twice at once one subnet
   * - a node that asks again extends its lease
   * - publishes what `adopt` makes of the lease that it finds
   * - does not call `adopt` if the node holds no lease
   * - counts the writes of a record, also those that change nothing
   * - takes none of the node's leases that are excluded, and deletes none
   * - leases the previous subnet again if it is free
   * - leases no previous subnet that the network config excludes
   * - gives nodes that ask at once a subnet each, and all there are
   * - gives nodes that ask at once for one previous subnet one each
   * - rejects with SUBNETS_EXHAUSTED while none is free
   * - leaves every subnet to nodes, whatever records outside the network or as wide say
   * - rewrites a former lease in place for a node that has another address
   * - takes no other node's lease for a node that has its former one
   * - takes no former lease that has been written since, though it says the same
   * - leases the former subnet to a node whose lease is gone, if it is free
   * - keeps a former reservation for a node that has another address
   * - gives up a lease outside the network for a new one
   * - a node that lost its lease acquires another
   * - the subnet of a lease that ended is free
   * - gives a node its reservation, which stays one
   * - gives no other node a reserved subnet
   * - gives no subnet that a reservation of another length overlaps
   * - leases a subnet of each family in a dual-stack network
   * - leases no IPv4 subnet if IPv4 is off, and knows nodes by their IPv6 address
   * - leases the previous subnet of each family again
   * - gives no subnet that a lease of either family overlaps
   */
  acquireLease(request: LeaseRequest, options?: AbortOptions): Promise<Lease>

  /**
   * Extends a lease by the store's term and publishes its attributes, or those of the options; returns it with its new
   * end. A reservation stays one. Rejects with `LEASE_LOST` if the lease is gone or another node (by its public
   * address) holds the subnet by now, and then changes nothing.
   *
   * With a public address in the options that is not the one in `lease`, the record is rewritten in place: in one step,
   * the same subnet, whether other records bear that address or not. Rejects with `LEASE_LOST` if the record is not
   * exactly what `lease` says: then it is another node's that had the former address.
   *
   * Tests of `subnetManagerSuite`:
   * - a renewal publishes the attributes given
   * - a lease says when it ends, and a renewal extends it
   * - a renewal of a lease that is gone rejects with LEASE_LOST and brings none back
   * - a renewal by a node that does not hold the subnet changes nothing
   * - a renewal of what another node holds rejects with LEASE_LOST and changes nothing
   * - a renewal under another address rewrites the lease in place
   * - a renewal under another address may be repeated
   * - a renewal under another address keeps a reservation
   * - a renewal under the address in another node's lease takes nothing from that
   * - a renewal under another address of what has been rewritten rejects with LEASE_LOST and changes nothing
   * - a renewal under another address of a lease that is gone rejects with LEASE_LOST
   * - renews a lease under another IPv6 address in place if IPv4 is off
   */
  renewLease(lease: Lease, options?: RenewOptions): Promise<Lease>

  /**
   * Gives a lease back. Does nothing to one that is gone or another node's by now, nor to a reservation, which is an
   * operator's and outlives its node.
   *
   * Tests of `subnetManagerSuite`:
   * - a release is reported to every watch, and may be repeated
   * - a release by a node that never held the subnet changes nothing
   * - a release of what another node holds by now changes nothing
   */
  releaseLease(lease: Lease, options?: AbortOptions): Promise<void>

  /**
   * Everyone's leases, this node's own among them, from now until the signal aborts (then the iteration ends, without
   * an error; without an event, if the signal was aborted before) or the consumer leaves its loop, which harms no other
   * watch. A consumer that fell behind is brought up to date. Survives the store's absence: it goes on, with a snapshot if
   * anything may have been missed. Ends with an error only for what a retry cannot help, such as `CLOSED`.
   *
   * Tests of `subnetManagerSuite`:
   * - reports a snapshot first, even if there is no lease
   * - reports every lease, its own node's among them, then each change
   * - misses no change and reports none twice, whenever it starts
   * - brings a consumer that fell behind up to date
   * - a lease that is not renewed ends, and every watch reports it
   * - reports a record that is not a lease, and goes on with the others
   * - survives an outage of the store
   * - ends without an error when its signal aborts, while it waits
   * - ends without an event if its signal was aborted before
   * - ends without another event when its signal aborts while the consumer works
   * - ends when the consumer leaves its loop, and harms no other watch
   * - ends a watch with CLOSED when disposed of, and that of no other manager
   */
  watchLeases(options: WatchOptions): AsyncIterable<LeaseEvent>
}

/** What `getNetworkConfig` is asked with. */
export interface GetConfigOptions extends AbortOptions {
  /**
   * Called with why the call still waits, as soon as the store knows and each time that it is another reason: nothing
   * answers, or there is no network config yet. A store need not call it.
   */
  readonly onWaiting?: ((why: OverlayError) => void) | undefined
}

/** What `renewLease` is asked with. */
export interface RenewOptions extends AbortOptions {
  /** What to publish from now on. Default: the attributes of the lease. */
  readonly attributes?: LeaseAttributes | undefined
  /**
   * Write the record even if nothing in it changes: another node that goes by the same address sees a new version then
   * (`Lease.version`), and gives way. Default false: a store may extend a lease without writing its record.
   */
  readonly rewrite?: boolean | undefined
}

/** What `watchLeases` is asked with. */
export interface WatchOptions {
  /** Ends the watch, without an error. */
  readonly signal: AbortSignal
  /**
   * Called with what went wrong and is being retried (`STORE_UNAVAILABLE`, `ACCESS_DENIED`), and with records that are
   * no leases (`INVALID_LEASE`, once each) or exclude each other (`LEASE_CONFLICT`): they never end the watch nor disturb
   * the other leases.
   */
  readonly onError?: ((error: Error) => void) | undefined
  /**
   * Called when the watch goes on after an `onError` and has nothing to yield: what it yielded last is up to date again.
   */
  readonly onRecovered?: (() => void) | undefined
}

/** What a request for a lease would come to. */
export interface LeasePreview {
  /** The lease that `acquireLease` would return. */
  readonly lease: Lease
  /** Whether the node holds it already, whatever it publishes. */
  readonly isHeld: boolean
  /** What would be written; none if the record stays as it is. */
  readonly changes: readonly RecordChange[]
}

/** One value of a record, by the store's own name for it. */
export interface RecordChange {
  /** Such as a key of etcd's, or an annotation of a Kubernetes Node. */
  readonly name: string
  /** Absent if there is none. */
  readonly before?: string | undefined
  /** Absent if it would be removed. */
  readonly after?: string | undefined
}

/**
 * For a plan: what `acquireLease` would do. Managers of stores that assign subnets by other means than `chooseSubnets`
 * implement it beside `SubnetManager`.
 */
export interface LeasePreviewer {
  /** As `acquireLease`, and rejects as that does, but writes nothing, then or later. */
  previewLease(request: LeaseRequest, options?: AbortOptions): Promise<LeasePreview>
}

/**
 * What an operator does to a store that chooses subnets itself. Managers of such stores implement it beside
 * `SubnetManager`; an overlay needs none of it.
 *
 * Tests of `subnetManagerSuite`:
 * - rejects with the reason of an aborted signal, and with CLOSED once disposed of
 * - reads no config text once the signal aborts, or once disposed of
 * - cancels nothing once the signal aborts, or once disposed of
 */
export interface SubnetAdministration {
  /**
   * Writes the network config, as flannel writes it: JSON text or an object. Leases stay as they are; one outside the
   * new network is given up when its node asks again. Rejects with `INVALID_CONFIG` for one that breaks a rule, and with
   * `CONFIG_CHANGED` if the store does not hold what `replaces` says.
   *
   * Tests of `subnetManagerSuite`:
   * - writes a network config that every manager then returns
   * - rejects a network config that breaks a rule, and keeps the one it has
   * - writes a config in the place of the one that was read, and of no other
   * - of operators who replace one config at once, lets one do it
   */
  setNetworkConfig(config: string | object, options?: SetConfigOptions): Promise<void>

  /**
   * The text of the network config as it is stored, whether it is valid or not; undefined if there is none: it does not
   * wait. A store that has this honours `replaces`.
   *
   * Tests of `subnetManagerSuite`:
   * - says what text the network config is, to the letter, and does not wait for one
   */
  networkConfigText?(options?: AbortOptions): Promise<string | undefined>

  /**
   * Reserves subnets, of any prefix length, for the node of the public address in `attributes`: a lease that never
   * expires. A lease of that node with these subnets becomes the reservation. Rejects with `LEASE_CONFLICT` if another node
   * holds any of it.
   *
   * Tests of `subnetManagerSuite`:
   * - reserves subnets of any length, and lists exactly the reservations
   * - reserves nothing that another node holds any of
   * - makes a reservation of the lease of its own node
   * - takes the leases of another store, each for its own node
   */
  reserve(reservation: Omit<Lease, 'expiresAt'>, options?: AbortOptions): Promise<Lease>

  /** Every reservation. */
  reservations(options?: AbortOptions): Promise<readonly Lease[]>

  /**
   * Deletes a reservation. Does nothing to one that is gone. Rejects with `LEASE_CONFLICT` if the record is another node's
   * by now, or a lease that ends by itself.
   *
   * Tests of `subnetManagerSuite`:
   * - deletes a reservation, whose subnet is free then; of one that is gone, nothing
   * - deletes the reservation that a node uses, as it was listed
   * - deletes neither another node's reservation nor a lease that ends
   */
  cancelReservation?(reservation: Lease, options?: AbortOptions): Promise<void>

  /** All leases at one moment, by one read of the store. It waits for no store that is away. */
  inventory?(options?: AbortOptions): Promise<LeaseInventory>
}

/** A store's leases at one moment, for an operator's pages. */
export interface LeaseInventory {
  /** Reservations too. */
  readonly leases: readonly Lease[]
  /** Those of the leases that never end. */
  readonly reservations: readonly Lease[]
  /** Records that are no leases: an error each, which names the record. */
  readonly faults: readonly Error[]
  /**
   * When these of its leases end, in ms since the epoch, by their `leaseKey`: of a store whose records do not say it. One
   * that is gone by now has just ended. Those that never end are left out. Costs a request for each thing of the store's
   * own by which leases end, such as an etcd lease, some of them at once.
   */
  ends?(leases: readonly Lease[], options?: AbortOptions): Promise<ReadonlyMap<string, number>>
}

/** What `setNetworkConfig` is asked with. */
export interface SetConfigOptions extends AbortOptions {
  /**
   * Write only if the store holds exactly this text, as `networkConfigText` returned it, or none for null: of operators
   * who replace one config at once, one does it, and none undoes another's change. Default: whatever it holds.
   */
  readonly replaces?: string | null | undefined
}
