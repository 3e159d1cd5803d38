import { type Lease, type LeaseAttributes, OverlayError, type PublicAddresses } from '@selvedge/core'
import { type FamilyParts, sameNode } from '@selvedge/core/kit'
import type { Nodes } from './client/node-client.js'
import type { NodeRecord } from './client/node-record.js'
import type { NodeNews } from './client/reflector.js'
import {
  addressSetByPeople,
  annotationChanges,
  annotationsFor,
  isManaged,
  leaseOfNode,
  NO_ANNOTATIONS,
  nodeAddresses,
  podCidrOf,
  withAddresses,
} from './node-lease.js'
import type { KubeWait, PodReference } from './options.js'
import type { StatusBoard } from './status.js'

export interface OwnNodeOptions {
  readonly node: string | PodReference
  readonly nodes: Nodes
  readonly board: StatusBoard
  /** Follows the one node of this name. */
  readonly follow: (name: string, signal: AbortSignal) => AsyncIterable<NodeNews>
}

type Lack = Omit<KubeWait, 'since'>

/**
 * The node that this process runs on, and what it asked to publish.
 *
 * People may set an address that counts instead of the one that was asked for. Peers see theirs; to this process its
 * own record always shows the address it asked for, so that it knows the record for its own.
 */
export class OwnNode {
  readonly #options: OwnNodeOptions
  #name: string | undefined
  #asked: LeaseAttributes | undefined
  #seen: string | undefined

  constructor(options: OwnNodeOptions) {
    this.#options = options
    this.#name = typeof options.node === 'string' ? options.node : undefined
  }

  /** The newest version of the record that was read or written here: no later list may be older. */
  get seen(): string | undefined {
    return this.#seen
  }

  isThis(node: NodeRecord): boolean {
    return node.name === this.#name
  }

  /** Another node as it is; this one with the addresses that it asked for. */
  asAskedFor(node: NodeRecord): NodeRecord {
    return this.#asked !== undefined && this.isThis(node) ? withAddresses(node, this.#asked) : node
  }

  async name(signal: AbortSignal): Promise<string> {
    const { node, nodes } = this.#options
    this.#name ??= typeof node === 'string' ? node : await nodes.nameByPod(node, signal)
    return this.#name
  }

  async get(signal: AbortSignal): Promise<NodeRecord | undefined> {
    const node = await this.#options.nodes.get(await this.name(signal), signal)
    this.#seen = node?.resourceVersion ?? this.#seen
    return node
  }

  /** The node once it has registered and has a PodCIDR. Rejects where the first look at it fails. */
  async ready(signal: AbortSignal): Promise<NodeRecord> {
    const node = await this.get(signal)
    if (hasPodCidr(node)) return node
    return this.#options.board.waiting(this.#lackOf(node), (tell) => this.#wait(signal, tell))
  }

  /** The lease that the node is, where it is one. */
  held(node: NodeRecord, families: readonly FamilyParts[]): Lease | undefined {
    try {
      return leaseOfNode(this.asAskedFor(node), families)
    } catch (error) {
      // What cannot be read is no lease to keep anything of; it is written anew.
      if (error instanceof OverlayError) return undefined
      throw error
    }
  }

  /** Why this is not, or no longer, the node's lease; undefined where it is. */
  lossOf(lease: Lease, node: NodeRecord | undefined, families: readonly FamilyParts[]): string | undefined {
    if (node === undefined) return `node ${this.#name} is gone`
    if (!isManaged(node)) return `node ${node.name} does not take part in the network any more`
    for (const parts of families) {
      const podCidr = podCidrOf(node, parts)
      if (podCidr !== lease[parts.subnet]) return `the PodCIDR of node ${node.name} is ${podCidr} by now`
    }
    const held = this.held(node, families)
    if (held === undefined) return `the annotations of node ${node.name} are no lease any more`
    if (sameNode(held.attributes, lease.attributes)) return undefined
    const setByPeople = families.some((parts) => addressSetByPeople(node, parts) !== undefined)
    if (setByPeople) return undefined
    const address = held.attributes.publicIp ?? held.attributes.publicIpv6
    return `node ${node.name} publishes the address ${address} by now`
  }

  /** Writes what the node does not publish yet; undefined where it is gone, or another under its name, by now. */
  async publish(
    node: NodeRecord,
    attributes: LeaseAttributes,
    families: readonly FamilyParts[],
    signal: AbortSignal,
  ): Promise<Lease | undefined> {
    // Before it is written: the watch may tell it before this is done.
    this.#asked = attributes
    const changes = annotationChanges(node, annotationsFor(attributes, node, families))
    const written = await this.#annotate(node, changes, signal)
    return written && leaseOfNode(this.asAskedFor(written), families)
  }

  /** Removes all that the node published; what people set stays. */
  async withdraw(node: NodeRecord, signal: AbortSignal): Promise<void> {
    this.#asked = undefined
    await this.#annotate(node, annotationChanges(node, NO_ANNOTATIONS), signal)
  }

  /** Publishes the addresses that the node should, where it does not; true where that needed writing. */
  async mendAddresses(
    node: NodeRecord,
    families: readonly FamilyParts[],
    signal: AbortSignal,
  ): Promise<boolean> {
    if (this.#asked === undefined || !isManaged(node)) return false
    const wanted = annotationsFor(this.#asked, node, families)
    const { 'public-ip': publicIp, 'public-ipv6': publicIpv6 } = annotationChanges(node, wanted)
    const changes = {
      ...(publicIp !== undefined && { 'public-ip': publicIp }),
      ...(publicIpv6 !== undefined && { 'public-ipv6': publicIpv6 }),
    }
    if (Object.keys(changes).length === 0) return false
    await this.#annotate(node, changes, signal)
    return true
  }

  /** The addresses that people say the node has; none where it has not registered. */
  async addresses(signal: AbortSignal): Promise<PublicAddresses> {
    const node = await this.get(signal)
    return node === undefined ? {} : nodeAddresses(node)
  }

  async #wait(signal: AbortSignal, tell: (lack: Lack) => void): Promise<NodeRecord> {
    for await (const news of this.#options.follow(await this.name(signal), signal)) {
      if (news.type === 'resumed') continue
      const node = news.type === 'list' ? news.nodes[0] : news.type === 'put' ? news.node : undefined
      if (hasPodCidr(node)) return node
      tell(this.#lackOf(node))
    }
    throw signal.reason
  }

  /** What keeps the node from having a lease. */
  #lackOf(node: NodeRecord | undefined): Lack {
    if (node === undefined) return { type: 'node', message: `waiting for node ${this.#name} to register` }
    const message = `waiting for node ${this.#name} to get a PodCIDR from the controller manager (--allocate-node-cidrs)`
    return { type: 'pod-cidr', message }
  }

  async #annotate(
    node: NodeRecord,
    changes: Readonly<Record<string, string | null>>,
    signal: AbortSignal,
  ): Promise<NodeRecord | undefined> {
    if (Object.keys(changes).length === 0) return node
    const { nodes, board } = this.#options
    board.asked('patch')
    const written = await nodes.annotate(node, changes, signal)
    this.#seen = written?.resourceVersion ?? this.#seen
    return written
  }
}

const hasPodCidr = (node: NodeRecord | undefined): node is NodeRecord =>
  node !== undefined && node.podCidrs.length > 0
