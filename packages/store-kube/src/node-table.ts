import { type Lease, type LeaseEvent, leaseKey, OverlayError } from '@selvedge/core'
import { printable, sameLease } from '@selvedge/core/kit'
import type { NodeChange, NodeRecord } from './client/index.js'
import { SharedAddresses } from './shared-addresses.js'

export interface NodeTableOptions {
  /** The lease that a node is. Undefined for a node outside of the network; throws for an invalid lease. */
  readonly leaseOf: (node: NodeRecord) => Lease | undefined
  /** Called once for each reason why a node of the network is not a lease. */
  readonly onInvalid: (error: Error) => void
}

type NodeList = Extract<NodeChange, { type: 'list' }>

interface Entry {
  readonly name: string
  readonly uid: string
  readonly created: number
  readonly lease: Lease
}

/**
 * The leases of all nodes. Turns changes of nodes into lease events: a kubelet updates its Node every few minutes, and
 * hardly any of these updates changes a lease.
 *
 * Two nodes with one PodCIDR mean that something in the cluster is broken. The older one holds the lease, and the other
 * gets it when that one is gone, so that a subnet always has one holder, and the same one on every node. Two nodes with
 * one public address are both served, and reported.
 */
export class NodeTable {
  readonly #options: NodeTableOptions
  /** All nodes with a valid lease, whether they hold the subnet or wait for it. */
  readonly #entries = new Map<string, Entry>()
  /** The holder of each subnet, by the lease's key. */
  readonly #holders = new Map<string, Entry>()
  /** The names of other nodes with the same PodCIDR, by the lease's key. */
  readonly #waiting = new Map<string, Set<string>>()
  /** The last reported fault of each node, by its name. */
  readonly #faults = new Map<string, string>()
  readonly #shared: SharedAddresses

  constructor(options: NodeTableOptions) {
    this.#options = options
    this.#shared = new SharedAddresses(options.onInvalid)
  }

  get leases(): readonly Lease[] {
    return [...this.#holders.values()].map(({ lease }) => lease)
  }

  /** Applies a change. Returns the lease events that it causes. */
  take(change: NodeChange): readonly LeaseEvent[] {
    const events = this.#apply(change)
    this.#shared.report()
    return events
  }

  #apply(change: NodeChange): readonly LeaseEvent[] {
    if (change.type === 'list') return [this.#replace(change)]
    if (change.type === 'put') return this.#put(change.node)
    this.#faults.delete(change.node.name)
    return this.#remove(change.node.name)
  }

  #replace({ nodes, historyWasLost }: NodeList): LeaseEvent {
    // The versions of a new history may have passed those of the old one; the uids of its nodes are others for ever.
    const storeWasReset = historyWasLost === true || !this.#sharesNodesWith(nodes)
    this.#entries.clear()
    this.#holders.clear()
    this.#waiting.clear()
    this.#shared.clear()
    const seen = new Set<string>()
    for (const node of nodes) {
      seen.add(node.name)
      this.#put(node)
    }
    for (const name of this.#faults.keys()) if (!seen.has(name)) this.#faults.delete(name)
    const { leases } = this
    return storeWasReset ? { type: 'snapshot', leases, storeWasReset } : { type: 'snapshot', leases }
  }

  /** False if none of the known nodes, among which is the local one, is in the list. */
  #sharesNodesWith(nodes: readonly NodeRecord[]): boolean {
    return this.#entries.size === 0 || nodes.some(({ name, uid }) => this.#entries.get(name)?.uid === uid)
  }

  #put(node: NodeRecord): readonly LeaseEvent[] {
    const { name, uid, created } = node
    const lease = this.#read(node)
    if (lease === undefined) return this.#remove(name)
    const before = this.#entries.get(name)
    if (before?.uid === uid && before.created === created && sameLease(before.lease, lease)) return []
    const key = leaseKey(lease)
    const left = before === undefined || leaseKey(before.lease) === key ? [] : this.#remove(name)
    const entry = { name, uid, created, lease }
    if (before !== undefined) this.#shared.delete(name, before.lease)
    this.#entries.set(name, entry)
    this.#shared.add(name, lease)
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
    this.#shared.delete(name, entry.lease)
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
        'LEASE_CONFLICT',
        `node ${printable(name)}: its PodCIDR ${key} is also that of the older node ${printable(holder.name)}, which keeps it: delete one of ` +
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
    const error = OverlayError.from(thrown, 'INVALID_LEASE', `node ${printable(name)}`)
    if (this.#faults.get(name) === error.message) return
    this.#faults.set(name, error.message)
    this.#options.onInvalid(error)
  }
}

const isOlder = (a: Entry, b: Entry): boolean =>
  a.created === b.created ? a.name < b.name : a.created < b.created
