import type { AbortOptions } from '../util/abort.js'
import type { OverlayError } from '../util/errors.js'
import type { ChosenInterface, ExternalInterface } from './node-context.js'
import type { Resource } from './resource.js'
import type { Traffic } from './traffic.js'

/**
 * One write. A `put` makes the resource hold whether there is nothing yet, something else, or the same. `actual` is
 * what the driver's last snapshot had at this key, if anything.
 */
export type Operation<R extends Resource = Resource> =
  | {
      readonly type: 'put'
      /** What is to hold from now on. Its `key` says what is written over. */
      readonly resource: R
      /** What the last snapshot had at this key; undefined if nothing, or if nothing was read. */
      readonly actual?: R | undefined
    }
  | {
      readonly type: 'delete'
      /** What is no longer to be held. It goes by its `key`, whatever else is held there by now. */
      readonly resource: R
    }

/**
 * What became of one write. `stale` says that other resources may have changed with it, so that what was read
 * before no longer counts: a recreated link has lost its neighbours and routes, and a write that failed with ENODEV
 * met a link that is gone.
 */
export type OperationResult =
  | {
      readonly ok: true
      /** Whether to read again before anything else is written. Default: false. */
      readonly stale?: boolean
    }
  | {
      readonly ok: false
      /** What was attempted, what was answered, and what to do. It is retried with backoff. */
      readonly error: OverlayError
      /** Whether to read again before anything else is written. Default: false. */
      readonly stale?: boolean
    }

/** A route without the mark of any agent. */
export interface UnmarkedRoute {
  /** `blackhole` if it drops what it matches. */
  readonly type: 'unicast' | 'blackhole'
  /** CIDR. */
  readonly destination: string
  /** Its routing table; 254 is `main`. */
  readonly table: number
  /** The router's address, in canonical form; undefined if there is none. */
  readonly gateway?: string | undefined
}

/**
 * Which of all that a driver finds belongs to this overlay. It may differ from call to call.
 *
 * Tests of `driverSuite`:
 * - finds links by name or by alias, and what is on them
 * - finds routes by the network they lead into, through whatever link
 * - finds a route through a link of ours, wherever it leads
 * - finds a route to an address that must stay reachable, wherever it leads
 * - finds the routes of the protocol boot that are said to be ours, and replaces and deletes them
 * - keeps two overlays on one host apart
 * - takes another scope at each call
 */
export interface OwnershipScope {
  /** Links bearing one of these as their alias are ours. */
  readonly aliases: readonly string[]
  /**
   * Links of these names are ours: those that are desired, whoever made them. One of another type than the desired one
   * is not, unless it bears one of the aliases: a put of it fails with `RESOURCE_CONFLICT`, and it is left alone.
   */
  readonly links: readonly string[]
  /**
   * Routes of our route protocol are ours if they lead into one of these networks (CIDR) or through a link of ours. Two
   * overlays on one host have two networks, and so leave one another's routes alone. An IPv4 address on a
   * link of ours is ours if it is inside one of them.
   */
  readonly networks: readonly string[]
  /**
   * Addresses that the host cannot do without: the store's, a gateway's. A route of our route protocol that contains one
   * is ours wherever it leads: no overlay may have it, and an earlier run may have left it.
   */
  readonly reachable?: readonly string[] | undefined
  /**
   * Whether a route of the protocol `boot`, which flanneld, the commands of an extension and operators write, is
   * ours all the same. Default: none is.
   */
  readonly isUnmarkedOurs?: ((route: UnmarkedRoute) => boolean) | undefined
  /** The name of the interface that packets to peers leave by. It is not ours, but its changes are reported. */
  readonly externalInterface?: string | undefined
  /** Networks (CIDR) that it reaches without a gateway. A change of a foreign route into one of them is reported. */
  readonly onLink?: readonly string[] | undefined
}

/** A program, as far as whatever it changed tells who did it. */
export interface Program {
  /** Its process ID, as the host sees it. The process may have ended. */
  readonly pid: number
  /** As the kernel names it (`/proc/PID/comm`), at most 15 bytes. Undefined if it has ended, or runs in a container. */
  readonly name?: string | undefined
  /** Whether it is this process itself, such as another overlay in it. Default: false, or not known. */
  readonly isThisProcess?: boolean | undefined
}

/**
 * `changed`: another program changed something that may be ours. `overrun`: notifications were lost. Neither says what:
 * the reader reads everything again.
 */
export interface DriverEvent {
  /** Whether something changed, or changes may have been missed. */
  readonly type: 'changed' | 'overrun'
  /** Whose change it was; of several, whose came first. Undefined if that is not known. */
  readonly by?: Program | undefined
}

/** What `externalInterface` of a driver is asked with. */
export interface ExternalInterfaceOptions extends AbortOptions {
  /**
   * The one in force, which a node keeps: while it is up and bears these addresses, it is what is found, with them, as it
   * is now. Better addresses on it, or a better default route over another interface, do not move a node.
   */
  readonly current?: ExternalInterface | undefined
  /**
   * What an earlier run chose. An interface that is up and bears these addresses is chosen again, with them: a better
   * default route, or better addresses, do not make another node of one that restarts. What an operator says now counts
   * before it; and if an operator has chosen it, and says something else now, it does not count at all.
   */
  readonly previous?: ChosenInterface | undefined
}

/** What `preflight` of a driver is asked with. */
export interface PreflightOptions extends AbortOptions {
  /** Open no device either, such as `/dev/net/tun`: for a plan. What only that would show is left out. Default: false. */
  readonly lookOnly?: boolean | undefined
}

/**
 * Reads and writes one family of resources. A driver knows no desired state and decides nothing: it writes what it is
 * given, and returns what is there. The suite `driverSuite` of `@selvedge/conformance` proves one.
 *
 * In a holder that several hosts share, such as a VPC's route table, each host writes its own node's entry alone. So the
 * driver marks what it writes as its node's, lists that alone in `snapshot`, and neither writes over nor deletes what
 * another node holds: a put of it fails with `RESOURCE_CONFLICT`. The suite `sharedHolderSuite` proves it.
 *
 * Tests of `sharedHolderSuite`:
 * - has no entry that two nodes write: each writes its own node's alone
 * - keeps the entries of all nodes, in whatever order they come
 * - gives a node that starts again its own entries, and no other node's
 * - loses nothing to a node that does not know the others' leases
 * - loses nothing to a node that believes that another has left
 * - loses the entries of a node that leaves, and no others
 * - loses the entry of a subnet that a node no longer has to that node alone
 * - keeps what is none of the nodes', which no node lists
 * - keeps the entries of another overlay of the same hosts
 * - keeps an entry that another node holds, whoever puts or deletes it
 *
 * Tests of `driverSuite` and `resourceSuite`:
 * - rejects with the reason of a signal that is aborted already, and does nothing
 * - rejects every call with CLOSED once it is disposed of, and leaves what it put
 *
 * Tests of `driverSuite`:
 * - has a name, and the kinds of resources that it holds
 * - rejects with the reason of a signal that aborts meanwhile, or is done by then
 * - goes on working after a signal has aborted
 */
export interface Driver<R extends Resource = Resource> extends AsyncDisposable {
  /** For messages, such as `linux`. */
  readonly name: string
  /** The kinds of the resources that it holds. Within an overlay no other driver has one of them. */
  readonly kinds: readonly R['kind'][]
  /**
   * Whether several hosts share what it writes to. Then what this node wrote there is removed when it gives its lease
   * back, since no other node may. Default: false.
   *
   * Tests of `resourceSuite`:
   * - says whether several hosts share what it writes to
   *
   * Tests of `sharedHolderSuite`:
   * - is said to be shared by its drivers
   */
  readonly shared?: boolean | undefined

  /**
   * Finds out, changing nothing, whether this process may write and whether what a backend requires (link types such
   * as `vxlan`) is there. Rejects with `ACCESS_DENIED` or `UNSUPPORTED`, naming what is missing and what to do;
   * resolves with a warning for each thing that works, but not well.
   *
   * Tests of `driverSuite`:
   * - checks what a backend requires, and changes nothing
   */
  preflight?(requirements: readonly string[], options?: PreflightOptions): Promise<readonly string[]>

  /**
   * The interface that packets to peers leave by, as it is now. Rejects with `INTERFACE_NOT_FOUND`, saying what was
   * looked for and what is there.
   *
   * Tests of `driverSuite`:
   * - finds the external interface, as it is at each call
   * - keeps the external interface in force while it is up and bears its address
   * - chooses what an earlier run chose while it is up and bears its address
   * - says which addresses and gateways the host has, as they are at each call
   */
  externalInterface?(options?: ExternalInterfaceOptions): Promise<ExternalInterface>

  /**
   * Everything of ours that is there now, and nothing of others. A read that was interrupted is repeated, never returned
   * in part; if that goes on, it rejects with `READ_INTERRUPTED`.
   *
   * Tests of `driverSuite` and `resourceSuite`:
   * - lists nothing foreign, and leaves all of it as it is
   *
   * Tests of `driverSuite`:
   * - lists what other processes made permanent on a link of ours
   * - reads all that is there while others write
   * - finds nothing of a link that went with its parent, and deletes what was on it
   */
  snapshot(scope: OwnershipScope, options?: AbortOptions): Promise<readonly R[]>

  /**
   * Carries out the operations in their order and returns a result for each, in the same order. One that fails stops no
   * other. Deleting what is gone, and putting what is there, succeed. Rejects only if nothing was attempted at all.
   *
   * Tests of `driverSuite` and `resourceSuite`:
   * - puts what is there already, and changes nothing
   * - puts over what differs, known from a snapshot or not
   * - answers in the order of the operations, and one that fails stops no other
   *
   * Tests of `driverSuite`:
   * - puts one of every sort, and reads back what was put
   * - puts what has come to differ since the snapshot
   * - makes permanent what was there as a temporary entry
   * - deletes one of every sort, and again what is gone
   * - deletes by key, whatever else is held there by now
   * - keeps the destinations of the all-zero MAC apart
   * - carries out thousands of operations at once, a few of which fail
   * - applies nothing at all
   * - fails with ENETDOWN if the link of a route is down, and says that other resources may have changed
   * - says that other resources may have changed if a link loses some
   * - leaves to the kernel what a resource leaves open
   * - changes the MTU, MAC, alias and accept_ra of a link in place
   * - recreates a link of which a setting differs that cannot be changed in place
   * - brings up a link that is down, and takes one down
   * - adopts a link that is as desired, whoever made it
   * - refuses to put or delete a link if one of another type has its name
   * - fails if another link has the VNI, and leaves that one alone
   * - fails if the parent does not exist
   * - refuses to put a route if a foreign one is at its key
   * - adopts a foreign route at its key that leads the same way, or through a link of ours
   * - leaves a foreign route with another metric alone, and keeps its own beside it
   *
   * Tests of `resourceSuite`:
   * - puts what is not there, and reads back what was put
   * - puts back what another process deleted, and accepts that it is gone
   * - deletes by key, and again what is gone
   */
  apply(operations: readonly Operation<R>[], options?: AbortOptions): Promise<readonly OperationResult[]>

  /**
   * Yields an event for changes by others, until the signal aborts, and none for the driver's own writes. A driver
   * without it is read on a timer alone.
   *
   * Tests of `driverSuite`:
   * - reports a change that another process makes
   * - reports that our link was recreated without what was on it
   * - does not report its own writes
   * - reports changes that come while its consumer is busy
   * - ends without an error when the signal aborts, and when the driver is disposed of
   *
   * Tests of `resourceSuite`:
   * - watches, if it does, until the signal aborts or it is disposed of
   */
  watch?(options: { readonly signal: AbortSignal }): AsyncIterable<DriverEvent>

  /** What it has carried; of a driver that moves packets itself. It costs next to nothing, and may be called at any time. */
  traffic?(): Traffic
}
