import type { Lease, LeaseAttributes } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { Driver } from './driver.js'
import type { LeaseContext, NodeContext } from './node-context.js'
import type { Resource } from './resource.js'

/**
 * How packets travel between hosts: a set of pure functions from a node and a lease to resources. The same arguments
 * give the same answer; none of them does I/O, reads a clock or draws a random number. The suite `backendSuite` of
 * `@selvedge/conformance` proves one.
 *
 * Any of them may throw an OverlayError: `INVALID_CONFIG` for settings that break a rule, `INTERFACE_UNSUITABLE`
 * if the external interface lacks what is needed, and `peer` also `INVALID_LEASE` for a lease that does not say what it
 * must. An overlay reports that lease and goes on with the others.
 */
export interface Backend {
  /** As in the network config's `Backend.Type`, such as `vxlan`. */
  readonly type: string
  /**
   * What drivers are to find out in their preflight: the types of links that the kernel must know, such as `vxlan`; or
   * which a network's config requires.
   */
  readonly requires?: readonly string[] | ((config: NetworkConfig) => readonly string[]) | undefined
  /** One sentence for each thing that works but was probably meant otherwise, such as a setting that means nothing. */
  warnings?(context: NodeContext): readonly string[]
  /** The MTU for pods, in bytes. */
  mtu(context: NodeContext): number
  /** What this node publishes. */
  attributes(context: NodeContext): LeaseAttributes
  /** What is needed whatever the peers. */
  local(context: LeaseContext): readonly Resource[]
  /** What one peer's lease calls for. Empty for a lease of another backend type. */
  peer(lease: Lease, context: LeaseContext): readonly Resource[]
  /** Drivers for resources that only this backend has. The overlay disposes of them. */
  drivers?(context: NodeContext): readonly Driver[]
}

/** What a backend requires for a network. */
export const requirementsOf = ({ requires = [] }: Backend, config: NetworkConfig): readonly string[] =>
  typeof requires === 'function' ? requires(config) : requires
