import { type Lease, type LeaseEvent, leaseKey, OverlayError } from '@selvedge/core'
import { sameLease } from '@selvedge/core/kit'
import type { NodeRecord } from './client/node-record.js'

export type NodeChange =
  | { readonly type: 'list'; readonly nodes: readonly NodeRecord[] }
  | { readonly type: 'put' | 'delete'; readonly node: NodeRecord }

export interface NodeTableOptions {
  /** The lease that a node is; undefined where it is none; throws where it should be one and is not. */
  readonly leaseOf: (node: NodeRecord) => Lease | undefined
  /** Told of a node that should be a lease and is not, once for each thing that is wrong with it. */
  readonly onInvalid: (error: Error) => void
}

interface Entry {
  readonly name: string
  readonly created: number
  readonly lease: Lease
}

/**
 * Everyone's leases by node. Turns what is told of nodes into what is told of leases: a kubelet reports its node every
 * few minutes, and nearly all that it says changes no lease.
 *
 * Two nodes that bear one PodCIDR are a cluster gone wrong. The older one holds the lease, and the other gets it when
 * that one is gone, so that a subnet always has one holder, and the same one on every node.
 */
export class NodeTable {
  readonly #options: NodeTableOptions
  /** Every node that is a lease, whether it holds the subnet or waits for it. */
  readonly #entries = new Map<string, Entry>()
  /** Who holds each subnet, by the lease's key. */
  readonly #holders = new Map<string, Entry>()
  /** Who else bears a subnet's PodCIDR, by the lease's key. */
  readonly #waiting = new Map<string, Set<string>>()
  /** What was last told to be wrong with a node. */
  readonly #faults = new Map<string, string>()

  constructor(options: NodeTableOptions) {
    this.#options = options
  }

  get leases(): readonly Lease[] {
    return [...this.#holders.values()].map(({ lease }) => lease)
  }

  /** Takes a change in; returns what it changes of the leases. */
  take(change: NodeChange): readonly LeaseEvent[] {
    if (change.type === 'list') return [this.#replace(change.nodes)]
    if (change.type === 'put') return this.#put(change.node)
    this.#faults.delete(change.node.name)
    return this.#remove(change.node.name)
  }

  #replace(nodes: readonly NodeRecord[]): LeaseEvent {
    this.#entries.clear()
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
    const { name, created } = node
    const lease = this.#read(node)
    if (lease === undefined) return this.#remove(name)
    const before = this.#entries.get(name)
    if (before !== undefined && before.created === created && sameLease(before.lease, lease)) return []
    const key = leaseKey(lease)
    const left = before === undefined || leaseKey(before.lease) === key ? [] : this.#remove(name)
    const entry = { name, created, lease }
    this.#entries.set(name, entry)
    const holder = this.#holders.get(key)
    if (holder !== undefined && holder.name !== name) {
      const [older, younger] = isOlder(entry, holder) ? [entry, holder] : [holder, entry]
      this.#wait(younger, older, key)
      if (older !== entry) return left
    }
    return [...left, this.#hold(entry, key)]
  }

  #remove(name: string): readonly LeaseEvent[] {
    const entry = this.#entries.get(name)
    if (entry === undefined) return []
    this.#entries.delete(name)
    const key = leaseKey(entry.lease)
    this.#waiting.get(key)?.delete(name)
    if (this.#holders.get(key)?.name !== name) return []
    this.#holders.delete(key)
    const heirs = [...(this.#waiting.get(key) ?? [])].flatMap((heir) => this.#entries.get(heir) ?? [])
    const [heir] = heirs.sort((a, b) => (isOlder(a, b) ? -1 : 1))
    return [heir === undefined ? { type: 'delete', lease: entry.lease } : this.#hold(heir, key)]
  }

  #hold(entry: Entry, key: string): LeaseEvent {
    this.#waiting.get(key)?.delete(entry.name)
    this.#holders.set(key, entry)
    this.#faults.delete(entry.name)
    return { type: 'put', lease: entry.lease }
  }

  #wait({ name }: Entry, holder: Entry, key: string): void {
    this.#waiting.set(key, (this.#waiting.get(key) ?? new Set()).add(name))
    this.#fault(
      name,
      new OverlayError(
        'INVALID_LEASE',
        `node ${name}: its PodCIDR ${key} is that of the older node ${holder.name} too, which keeps it: delete one of ` +
          'the two nodes and let it register again',
      ),
    )
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

const isOlder = (a: Entry, b: Entry): boolean =>
  a.created === b.created ? a.name < b.name : a.created < b.created
