import type { Backend } from '../contract/backend.js'
import type { LeaseContext } from '../contract/node-context.js'
import type { Resource } from '../contract/resource.js'
import { type Lease, leaseKey } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { DesiredState } from '../reconciler/desired-state.js'
import { OverlayError } from '../util/errors.js'
import { type LeaseRole, NetworkBounds, type PeerEvent, refusal, roleOf } from './lease-table.js'
import { withAlias } from './ownership.js'

export interface PeerResourcesOptions {
  readonly config: NetworkConfig
  readonly backend: Backend
  /** Where the resources of each lease stand under the lease's key. */
  readonly desired: DesiredState
  /** Whether this node's lease is held now: while another is acquired, that one may look like another node's. */
  readonly isHeld: () => boolean
  readonly onPeer: (event: PeerEvent) => void
  readonly onError: (error: OverlayError) => void
}

/**
 * The resources that other nodes' leases call for: decides what each lease is to this node, and asks the backend for
 * those of a peer. A lease that makes no sense calls for none, and disturbs no other.
 */
export class PeerResources {
  readonly #options: PeerResourcesOptions
  readonly #bounds: NetworkBounds
  /** Subnets outside the network, by the key of their lease. */
  readonly #outside = new Map<string, readonly string[]>()
  /** Why a lease was refused, as last reported, by its key. */
  readonly #refused = new Map<string, string>()

  constructor(options: PeerResourcesOptions) {
    this.#options = options
    this.#bounds = new NetworkBounds(options.config)
  }

  /** The peers' subnets that lie outside the network as this node knows it. */
  get outside(): readonly string[] {
    return [...this.#outside.values()].flat()
  }

  /** Takes in leases that came, changed or went. */
  update(changes: readonly PeerEvent[], context: LeaseContext): void {
    for (const change of changes) {
      const { type, lease } = change
      const role = roleOf(lease, context.lease)
      if (type === 'put') this.#put(lease, role, context)
      else this.#delete(lease)
      if (role === 'peer') this.#options.onPeer(change)
    }
  }

  /** Asks the backend for every lease again: what this node is, or holds, may change what any lease calls for. */
  recompute(leases: Iterable<Lease>, context: LeaseContext): void {
    for (const lease of leases) this.#put(lease, roleOf(lease, context.lease), context)
  }

  #put(lease: Lease, role: LeaseRole, context: LeaseContext): void {
    const key = leaseKey(lease)
    const outside = role === 'peer' ? this.#bounds.outside(lease) : []
    if (outside.length > 0) this.#outside.set(key, outside)
    else this.#outside.delete(key)
    this.#options.desired.set(key, this.#resourcesOf(lease, role, context))
  }

  #delete(lease: Lease): void {
    const key = leaseKey(lease)
    this.#outside.delete(key)
    this.#refused.delete(key)
    this.#options.desired.set(key, [])
  }

  #resourcesOf(lease: Lease, role: LeaseRole, context: LeaseContext): readonly Resource[] {
    const { backend, config, onError } = this.#options
    if (role !== 'peer') {
      this.#reportOnce(leaseKey(lease), refusal(lease, role, context.lease))
      return []
    }
    this.#refused.delete(leaseKey(lease))
    try {
      return withAlias(backend.peer(lease, context), config)
    } catch (error) {
      onError(OverlayError.from(error, 'INVALID_LEASE', `lease ${leaseKey(lease)}`))
      return []
    }
  }

  #reportOnce(key: string, refused: OverlayError | undefined): void {
    if (!this.#options.isHeld()) return
    if (refused === undefined) {
      this.#refused.delete(key)
      return
    }
    if (this.#refused.get(key) === refused.message) return
    this.#refused.set(key, refused.message)
    this.#options.onError(refused)
  }
}
