import { isOverlayError, type Lease, type LeaseAttributes, type PublicAddresses } from '@selvedge/core'
import { type FamilyParts, sameNode } from '@selvedge/core/kit'
import type { AnnotateOptions, NodeClient, NodeRecord, PodReference, ReflectorEvent } from './client/index.js'
import { annotationChanges, annotationsFor, NO_ANNOTATIONS } from './desired-annotations.js'
import { isManaged, leaseOfNode, podCidrOf, withAddresses } from './node-lease.js'
import { addressSetByOperator, nodeAddresses } from './operator-addresses.js'
import type { StatusBoard, Wait } from './status.js'

export interface LocalNodeOptions {
  readonly node: string | PodReference
  readonly nodes: NodeClient
  readonly board: StatusBoard
  /** Follows the Node of this name only. */
  readonly follow: (name: string, signal: AbortSignal) => AsyncIterable<ReflectorEvent>
}

/**
 * The node that this process runs on, and what it was asked to publish.
 *
 * An operator may set an address that takes precedence over the requested one. Peers see the operator's; this process
 * sees the requested one in its own record, so that it recognises the record as its own.
 */
export class LocalNode {
  readonly #options: LocalNodeOptions
  #name: string | undefined
  #requested: LeaseAttributes | undefined
  #seen: string | undefined

  constructor(options: LocalNodeOptions) {
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

  /** Another node as it is; this one with the addresses that it was asked to publish. */
  asRequested(node: NodeRecord): NodeRecord {
    return this.#requested !== undefined && this.isThis(node) ? withAddresses(node, this.#requested) : node
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

  /** The node once it has registered and has a PodCIDR. Rejects if the first attempt to read it fails. */
  async waitUntilReady(signal: AbortSignal): Promise<NodeRecord> {
    const node = await this.get(signal)
    if (hasPodCidr(node)) return node
    return this.#options.board.waiting(this.#waitFor(node), (report) => this.#wait(signal, report))
  }

  /** The lease that the node is, if any. */
  currentLease(node: NodeRecord, families: readonly FamilyParts[]): Lease | undefined {
    try {
      return leaseOfNode(this.asRequested(node), families)
    } catch (error) {
      // Nothing of an invalid lease is worth keeping: it is published again.
      if (isOverlayError(error)) return undefined
      throw error
    }
  }

  /**
   * Why this is not, or no longer, the node's lease; undefined if it is. What is to be published under another address
   * than the lease has needs the node's annotations to be exactly those of the lease.
   */
  reasonLost(
    lease: Lease,
    node: NodeRecord | undefined,
    families: readonly FamilyParts[],
    attributes: LeaseAttributes = lease.attributes,
  ): string | undefined {
    if (node === undefined) return `node ${this.#name} is gone`
    if (!isManaged(node)) return `node ${node.name} no longer takes part in the network`
    for (const parts of families) {
      const podCidr = podCidrOf(node, parts)
      if (podCidr !== lease[parts.subnet]) return `the PodCIDR of node ${node.name} is now ${podCidr}`
    }
    if (!sameNode(lease.attributes, attributes)) {
      const publishes = (published: LeaseAttributes): boolean =>
        Object.keys(annotationChanges(node, annotationsFor(published, node, families))).length === 0
      if (publishes(lease.attributes) || publishes(attributes)) return undefined
      return `another process has changed what node ${node.name} publishes`
    }
    const current = this.currentLease(node, families)
    if (current === undefined) return `the annotations of node ${node.name} are no longer a lease`
    if (sameNode(current.attributes, lease.attributes)) return undefined
    const isOverridden = families.some((parts) => addressSetByOperator(node, parts) !== undefined)
    if (isOverridden) return undefined
    const address = current.attributes.publicIp ?? current.attributes.publicIpv6
    return `node ${node.name} now publishes the address ${address}`
  }

  /**
   * Writes what the node does not publish yet. Returns undefined if the node is gone, has been replaced or, with
   * `ifUnchanged`, has changed since it was read.
   */
  async publish(
    node: NodeRecord,
    attributes: LeaseAttributes,
    families: readonly FamilyParts[],
    options: AnnotateOptions,
  ): Promise<Lease | undefined> {
    // Set before the write, because the watch may deliver it before the call returns.
    this.#requested = attributes
    const changes = annotationChanges(node, annotationsFor(attributes, node, families))
    const written = await this.#annotate(node, changes, options)
    return written && leaseOfNode(this.asRequested(written), families)
  }

  /** What `publish` would come to; writes nothing. */
  preview(node: NodeRecord, attributes: LeaseAttributes, families: readonly FamilyParts[]) {
    const changes = annotationChanges(node, annotationsFor(attributes, node, families))
    const annotations = Object.fromEntries(
      Object.entries({ ...node.annotations, ...changes }).filter(([, value]) => value !== null),
    ) as NodeRecord['annotations']
    const oversized = node.oversized?.filter((name) => !(name in changes))
    const published = withAddresses({ ...node, annotations, oversized }, attributes)
    return { lease: leaseOfNode(published, families), changes }
  }

  /** Removes all that the node published. What operators have set stays. */
  async withdraw(node: NodeRecord, signal: AbortSignal): Promise<void> {
    this.#requested = undefined
    await this.#annotate(node, annotationChanges(node, NO_ANNOTATIONS), { signal })
  }

  /** Writes the addresses that the node should publish, if they differ. Returns true if it wrote. */
  async correctAddresses(
    node: NodeRecord,
    families: readonly FamilyParts[],
    signal: AbortSignal,
  ): Promise<boolean> {
    if (this.#requested === undefined || !isManaged(node)) return false
    const desired = annotationsFor(this.#requested, node, families)
    const { 'public-ip': publicIp, 'public-ipv6': publicIpv6 } = annotationChanges(node, desired)
    const changes = {
      ...(publicIp !== undefined && { 'public-ip': publicIp }),
      ...(publicIpv6 !== undefined && { 'public-ipv6': publicIpv6 }),
    }
    if (Object.keys(changes).length === 0) return false
    await this.#annotate(node, changes, { signal })
    return true
  }

  /** The addresses that operators declare for the node; none if it has not registered. */
  async addresses(signal: AbortSignal): Promise<PublicAddresses> {
    const node = await this.get(signal)
    return node === undefined ? {} : nodeAddresses(node)
  }

  async #wait(signal: AbortSignal, report: (wait: Wait) => void): Promise<NodeRecord> {
    for await (const event of this.#options.follow(await this.name(signal), signal)) {
      if (event.type === 'resumed') continue
      const node = event.type === 'list' ? event.nodes[0] : event.type === 'put' ? event.node : undefined
      if (hasPodCidr(node)) return node
      report(this.#waitFor(node))
    }
    throw signal.reason
  }

  /** What the node lacks for a lease. */
  #waitFor(node: NodeRecord | undefined): Wait {
    if (node === undefined) return { type: 'node', message: `waiting for node ${this.#name} to register` }
    const message = `waiting for node ${this.#name} to get a PodCIDR from the controller manager (--allocate-node-cidrs)`
    return { type: 'pod-cidr', message }
  }

  async #annotate(
    node: NodeRecord,
    changes: Readonly<Record<string, string | null>>,
    options: AnnotateOptions,
  ): Promise<NodeRecord | undefined> {
    if (Object.keys(changes).length === 0) return node
    const { nodes, board } = this.#options
    board.requested('patch')
    const written = await nodes.annotate(node, changes, options)
    this.#seen = written?.resourceVersion ?? this.#seen
    return written
  }
}

const hasPodCidr = (node: NodeRecord | undefined): node is NodeRecord =>
  node !== undefined && node.podCidrs.length > 0
