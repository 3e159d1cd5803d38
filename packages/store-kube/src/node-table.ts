import { type Lease, type LeaseEvent, leaseKey, OverlayError, sameLease } from '@selvedge/core'
import type { NodeRecord } from './node-record.js'

export type NodeChange =
  | { readonly type: 'list'; readonly nodes: readonly NodeRecord[] }
  | { readonly type: 'put' | 'delete'; readonly node: NodeRecord }

export interface NodeTableOptions {
  /** The lease that a node is; undefined where it is none; throws where it should be one and is not. */
  readonly leaseOf: (node: NodeRecord) => Lease | undefined
  /** Told of a node that should be a lease and is not, once for each thing that is wrong with it. */
  readonly onInvalid: (error: Error) => void
}

/**
 * Everyone's leases by node. Turns what is told of nodes into what is told of leases: a kubelet reports its node every
 * few minutes, and nearly all that it says changes no lease.
 *
 * Two nodes that bear one PodCIDR are a cluster gone wrong. The one that was told first keeps the lease, and the other
 * gets it when the first is gone, so that a subnet always has one holder.
 */
export class NodeTable {
  readonly #options: NodeTableOptions
  /** The lease that each node is, whether it holds the subnet or waits for it. */
  readonly #byNode = new Map<string, Lease>()
  /** Who holds each subnet, by the lease's key. */
  readonly #holders = new Map<string, string>()
  /** Who else bears a subnet's PodCIDR, by the lease's key. */
  readonly #waiting = new Map<string, Set<string>>()
  /** What was last told to be wrong with a node. */
  readonly #faults = new Map<string, string>()

  constructor(options: NodeTableOptions) {
    this.#options = options
  }

  get leases(): readonly Lease[] {
    return [...this.#holders.values()].flatMap((name) => this.#byNode.get(name) ?? [])
  }

  /** Takes a change in; returns what it changes of the leases. */
  take(change: NodeChange): readonly LeaseEvent[] {
    if (change.type === 'list') return [this.#replace(change.nodes)]
    if (change.type === 'put') return this.#put(change.node)
    this.#faults.delete(change.node.name)
    return this.#remove(change.node.name)
  }

  #replace(nodes: readonly NodeRecord[]): LeaseEvent {
    this.#byNode.clear()
    this.#holders.clear()
    this.#waiting.clear()
    const seen = new Set<string>()
    for (const node of nodes) {
      seen.add(node.name)
      this.#put(node)
    }
    for (const name of this.#faults.keys()) if (!seen.has(name)) this.#faults.delete(name)
    return { type: 'snapshot', leases: this.leases }
  }

  #put(node: NodeRecord): readonly LeaseEvent[] {
    const { name } = node
    const lease = this.#read(node)
    if (lease === undefined) return this.#remove(name)
    const before = this.#byNode.get(name)
    if (before !== undefined && sameLease(before, lease)) return []
    const key = leaseKey(lease)
    const left = before === undefined || leaseKey(before) === key ? [] : this.#remove(name)
    this.#byNode.set(name, lease)
    const holder = this.#holders.get(key)
    if (holder !== undefined && holder !== name) {
      this.#waiting.set(key, (this.#waiting.get(key) ?? new Set()).add(name))
      this.#fault(name, contested(name, holder, key))
      return left
    }
    this.#holders.set(key, name)
    this.#faults.delete(name)
    return [...left, { type: 'put', lease }]
  }

  #remove(name: string): readonly LeaseEvent[] {
    const lease = this.#byNode.get(name)
    if (lease === undefined) return []
    this.#byNode.delete(name)
    const key = leaseKey(lease)
    const waiting = this.#waiting.get(key)
    waiting?.delete(name)
    if (this.#holders.get(key) !== name) return []
    this.#holders.delete(key)
    for (const heir of waiting ?? []) {
      const next = this.#byNode.get(heir)
      if (next === undefined) continue
      waiting?.delete(heir)
      this.#holders.set(key, heir)
      this.#faults.delete(heir)
      return [{ type: 'put', lease: next }]
    }
    return [{ type: 'delete', lease }]
  }

  #read(node: NodeRecord): Lease | undefined {
    try {
      const lease = this.#options.leaseOf(node)
      if (lease === undefined) this.#faults.delete(node.name)
      return lease
    } catch (error) {
      this.#fault(node.name, error)
      return undefined
    }
  }

  #fault(name: string, thrown: unknown): void {
    const error = OverlayError.from(thrown, 'INVALID_LEASE', `node ${name}`)
    if (this.#faults.get(name) === error.message) return
    this.#faults.set(name, error.message)
    this.#options.onInvalid(error)
  }
}

function contested(name: string, holder: string, key: string): OverlayError {
  return new OverlayError(
    'INVALID_LEASE',
    `node ${name}: its PodCIDR ${key} is that of node ${holder} too, which keeps it: delete one of the two nodes and ` +
      'let it register again',
  )
}
