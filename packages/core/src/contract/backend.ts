import type { Lease, LeaseAttributes } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { Driver } from './driver.js'
import type { LeaseContext, NodeContext } from './node-context.js'
import type { Resource, RouteResource } from './resource.js'

/**
 * How packets travel between hosts: a set of pure functions from a node and a lease to resources. The same arguments
 * give the same answer; none of them does I/O, reads a clock or draws a random number. The suite `backendSuite` of
 * `@selvedge/conformance` proves one.
 *
 * Any of them may throw an OverlayError: `INVALID_CONFIG` for settings that break a rule, `INTERFACE_UNSUITABLE`
 * if the external interface lacks what is needed, and `peer` also `INVALID_LEASE` for a lease that does not say what it
 * must. An overlay reports that lease and goes on with the others.
 *
 * Tests of `backendSuite`:
 * - gives equal answers to equal questions, changes no argument, and reads no clock or random numbers
 * - answers by its arguments alone, whatever it was asked before
 * - gives resources in canonical form
 * - gives no two resources of one key
 */
export interface Backend {
  /**
   * As in the network config's `Backend.Type`, such as `vxlan`.
   *
   * Tests of `backendSuite`:
   * - names its type
   */
  readonly type: string
  /**
   * What drivers are to find out in their preflight: the types of links that the kernel must know, such as `vxlan`; or
   * which a network's config requires.
   */
  readonly requires?: readonly string[] | ((config: NetworkConfig) => readonly string[]) | undefined
  /**
   * One sentence for each thing that works but was probably meant otherwise, such as a setting that means nothing.
   *
   * Tests of `backendSuite`:
   * - warns of a key of the Backend section that has no meaning, and of no other
   */
  warnings?(context: NodeContext): readonly string[]
  /**
   * The MTU for pods, in bytes.
   *
   * Tests of `backendSuite`:
   * - leaves pods an MTU no larger than that of the external interface
   * - refuses an external interface whose MTU leaves no room, and no other
   */
  mtu(context: NodeContext): number
  /**
   * What this node publishes.
   *
   * Tests of `backendSuite`:
   * - publishes its type or none, and the addresses at which peers reach the node
   * - publishes what survives a store unchanged
   * - publishes the same when it finds what it published before
   * - publishes something, whatever was published before
   * - refuses a node without the addresses it needs
   */
  attributes(context: NodeContext): LeaseAttributes
  /**
   * What is needed whatever the peers: on this host, and of this node in what hosts share. In a holder that several hosts
   * share, such as a VPC's route table, each host writes its own node's entry alone.
   */
  local(context: LeaseContext): readonly Resource[]
  /**
   * What one peer's lease calls for on this host. Empty for a lease of another backend type. Nothing in a holder that
   * several hosts share: there the peer's own host writes the peer's entry, and another whose list of leases is old would
   * delete it. `sharedHolderSuite` of `@selvedge/conformance` proves it.
   *
   * Tests of `backendSuite`:
   * - gives a peer the same resources whatever other peers there are
   * - gives the same resources after a peer has renewed its lease
   * - gives no resources for a peer of another backend
   * - refuses a malformed lease with INVALID_LEASE, naming its subnet, and in no other way
   * - routes to the own subnets of a peer alone
   * - serves a peer that has one family only
   */
  peer(lease: Lease, context: LeaseContext): readonly Resource[]
  /** Drivers for resources that only this backend has. The overlay disposes of them. */
  drivers?(context: NodeContext): readonly Driver[]
  /**
   * For a backend that encrypts: whether packets that take this route, which is the overlay's, leave unencrypted. An
   * earlier backend may have left such a route. An overlay removes it as soon as what `local` calls for has been written,
   * before other nodes' leases are known; and if the backend does not start, it drops the packets. So nothing that
   * `local` or `peer` calls for may be such a route. Default: none is, as the backend does not encrypt.
   */
  sendsPlain?(route: RouteResource, config: NetworkConfig): boolean
}

/** What a backend requires for a network. */
export const requirementsOf = ({ requires = [] }: Backend, config: NetworkConfig): readonly string[] =>
  typeof requires === 'function' ? requires(config) : requires
