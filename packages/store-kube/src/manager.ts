import { setMaxListeners } from 'node:events'
import {
  type AbortOptions,
  type Clock,
  type Lease,
  type LeaseAttributes,
  type LeaseEvent,
  type LeasePreview,
  type LeasePreviewer,
  type LeaseRequest,
  leaseKey,
  type NetworkConfig,
  OverlayError,
  type PublicAddresses,
  type Random,
  type RecordChange,
  type RenewOptions,
  type RightsInquiry,
  type StoreRight,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { enabledFamilies, hostAddress, printable, sameNode, systemClock } from '@selvedge/core/kit'
import { type AnnotationName, DEFAULT_ANNOTATION_PREFIX, fullPrefix } from './annotations.js'
import { connectorFor, type ShowWait } from './auth/index.js'
import {
  AdvertisedAddress,
  KubeApi,
  type ListMode,
  type NodeChange,
  NodeClient,
  NodeDecoder,
  type NodeRecord,
  type ReflectorEvent,
  reflectNodes,
} from './client/index.js'
import { annotationsFor } from './desired-annotations.js'
import { LocalNode } from './local-node.js'
import { NetworkConfigSource } from './network-config-source.js'
import { leaseOfNode } from './node-lease.js'
import { NodeTable } from './node-table.js'
import { checkKubeOptions, type KubeStatus, type KubeSubnetManagerOptions } from './options.js'
import { checkPodCidrs } from './pod-cidrs.js'
import { AddressPublisher } from './published-addresses.js'
import { type RecordEntry, recordEntries } from './record-entries.js'
import { askRights } from './rights.js'
import { StatusBoard } from './status.js'

const DEFAULT_REQUEST_TIMEOUT_MS = 10_000
const DEFAULT_WATCH_TIMEOUT_MS = 90_000

/** How often to read a node again that was deleted and created again between reading and writing it. */
const MAX_ATTEMPTS = 5

function requireAddress(text: string): string {
  if (hostAddress(text) !== undefined) return text
  throw new OverlayError(
    'INVALID_CONFIG',
    `the option addresses has '${printable(text)}', which is no IP address`,
  )
}

/**
 * The Nodes of a Kubernetes cluster as the lease table, as flannel keeps it: a node's PodCIDRs are its subnets, and its
 * annotations say how to reach it. The README says which rights it needs and what it guarantees.
 *
 * Leases never expire here (`expiresAt` is absent): they end with their nodes.
 */
export class KubeSubnetManager implements SubnetManager, LeasePreviewer, RightsInquiry {
  readonly name = 'kubernetes'
  readonly #options: KubeSubnetManagerOptions
  /** The full prefix of the annotations. */
  readonly #prefix: string
  readonly #clock: Clock
  readonly #random: Random
  readonly #api: KubeApi
  readonly #advertised: AdvertisedAddress
  readonly #decoder: NodeDecoder
  readonly #nodes: NodeClient
  readonly #local: LocalNode
  readonly #config: NetworkConfigSource
  readonly #board: StatusBoard
  readonly #closed = new AbortController()

  /** Reads and sends nothing. Throws an OverlayError `INVALID_CONFIG` for invalid options. */
  constructor(options: KubeSubnetManagerOptions) {
    // Each call that is under way listens to it.
    setMaxListeners(0, this.#closed.signal)
    checkKubeOptions(options)
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#board = new StatusBoard(this.#clock, options.onStatus)
    const prefix = fullPrefix(options.annotationPrefix ?? DEFAULT_ANNOTATION_PREFIX)
    this.#prefix = prefix
    const showWait: ShowWait = (message, work) => this.#board.waiting({ type: 'credentials', message }, work)
    const api = new KubeApi(connectorFor(options.access, showWait), options.onSecrets)
    const decoder = new NodeDecoder(prefix)
    const timeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS
    for (const address of options.addresses ?? []) api.addAddress(requireAddress(address))
    this.#api = api
    this.#advertised = new AdvertisedAddress({
      api,
      timeoutMs,
      clock: this.#clock,
      onUnknown: (message) => options.onDetail?.(message),
    })
    this.#decoder = decoder
    this.#nodes = new NodeClient({ api, decoder, prefix, timeoutMs })
    this.#local = new LocalNode({
      node: options.node,
      nodes: this.#nodes,
      board: this.#board,
      follow: (only, signal) => this.#follow({ signal, firstList: { type: 'quorum' }, only }),
    })
    this.#config = new NetworkConfigSource({
      networkConfig: options.networkConfig,
      networkConfigFile: options.networkConfigFile,
      onWarning: options.onWarning,
      clock: this.#clock,
      board: this.#board,
    })
  }

  /** For health checks and metrics. */
  get status(): KubeStatus {
    return this.#board.status
  }

  /**
   * Those of the API server's URL, of all that its name resolves to, of all connections, and what it advertises, from the
   * first call on; and those of the option `addresses`, at once.
   */
  addresses(): readonly string[] {
    return this.#api.addresses
  }

  /** Asks the API server whether it grants each right that the store needs. Changes nothing. */
  rights({ signal }: AbortOptions = {}): Promise<readonly StoreRight[]> {
    const { node, requestTimeoutMs: timeoutMs = DEFAULT_REQUEST_TIMEOUT_MS } = this.#options
    return this.#call(signal, (stop) => askRights(this.#api, node, { signal: stop, timeoutMs }))
  }

  /**
   * Rejects with `ACCESS_DENIED` and names the `rights` that are missing, for a program that would rather say what to grant, or
   * try other credentials, than start without them; with `STORE_UNAVAILABLE` if the API server does not answer. An overlay needs
   * no such call: it reports a right that is missing when it needs it, and goes on once it is granted.
   */
  async checkAccess(options: AbortOptions = {}): Promise<void> {
    const missing = (await this.rights(options)).filter(({ isAllowed }) => !isAllowed)
    if (missing.length === 0) return
    const denied = missing.map(({ does }) => does).join(', ')
    throw new OverlayError(
      'ACCESS_DENIED',
      `asking Kubernetes what these credentials may do: they may not ${denied}; a role must allow it`,
    )
  }

  getNetworkConfig({ signal }: AbortOptions = {}): Promise<NetworkConfig> {
    return this.#call(signal, (stop) => this.#config.read(stop))
  }

  /**
   * The addresses that operators declare for this node, by the annotations `node-public-ip` and `node-public-ipv6`: an
   * overlay should use them as `publicIp` and `publicIpv6`, and choose its interface by them. An address that is only
   * published in its place (`public-ip-overwrite`) is not among them. Does not wait: there are none if the node has not
   * registered.
   */
  nodeAddresses({ signal }: AbortOptions = {}): Promise<PublicAddresses> {
    return this.#call(signal, (stop) => this.#local.addresses(stop))
  }

  /**
   * The subnet is the node's PodCIDR: waits until the node has registered and has one, and `status` says so meanwhile.
   * Rejects with `INVALID_CONFIG` if it is outside the network. `previous` has no effect.
   */
  acquireLease({ attributes, adopt }: LeaseRequest, { signal }: AbortOptions = {}): Promise<Lease> {
    return this.#call(signal, async (stop) => {
      const config = await this.#config.read(stop)
      const families = enabledFamilies(config)
      void this.#advertised.ask(stop)
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
        const node = await this.#local.waitUntilReady(stop)
        checkPodCidrs(node, config)
        const current = this.#local.currentLease(node, families)
        const published = (current && adopt?.(current)) ?? attributes
        const lease = await this.#local.publish(node, published, families, { signal: stop })
        if (lease !== undefined) return lease
      }
      throw new OverlayError(
        'STORE_UNAVAILABLE',
        `publishing the lease of this node: it was deleted and created again ${MAX_ATTEMPTS} times meanwhile`,
      )
    })
  }

  /** As `acquireLease`, with the annotations that it would write, and rejects as that does; writes nothing. */
  previewLease({ attributes, adopt }: LeaseRequest, { signal }: AbortOptions = {}): Promise<LeasePreview> {
    return this.#call(signal, async (stop) => {
      const config = await this.#config.read(stop)
      const families = enabledFamilies(config)
      const node = await this.#local.waitUntilReady(stop)
      checkPodCidrs(node, config)
      const current = this.#local.currentLease(node, families)
      const { lease, changes } = this.#local.preview(
        node,
        (current && adopt?.(current)) ?? attributes,
        families,
      )
      if (lease === undefined)
        throw new OverlayError('INTERNAL', `what node ${node.name} would publish is no lease`)
      return {
        lease,
        isHeld: current !== undefined,
        changes: Object.entries(changes).map(([name, after]) => ({
          name: `${this.#prefix}${name}`,
          before: node.annotations[name as AnnotationName],
          after: after ?? undefined,
        })),
      }
    })
  }

  /**
   * The annotations of this node under the prefix, beside those that it should have with `attributes`; without these,
   * nothing is compared. It waits for nothing: a node that is not registered has none.
   */
  inspectRecord(
    attributes: LeaseAttributes | undefined,
    { signal }: AbortOptions = {},
  ): Promise<readonly RecordEntry[]> {
    return this.#call(signal, async (stop) => {
      const name = await this.#local.name(stop)
      const [node, written] = await Promise.all([
        this.#nodes.get(name, stop),
        this.#nodes.annotations(name, stop),
      ])
      if (node === undefined) return []
      const families = attributes && enabledFamilies(await this.#config.read(stop))
      const desired = attributes && families && annotationsFor(attributes, node, families)
      return recordEntries(written, this.#prefix, desired)
    })
  }

  renewLease(lease: Lease, { signal, attributes = lease.attributes }: RenewOptions = {}): Promise<Lease> {
    return this.#call(signal, async (stop) => {
      const families = enabledFamilies(await this.#config.read(stop))
      const ifUnchanged = !sameNode(lease.attributes, attributes)
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
        const node = await this.#local.get(stop)
        const loss = this.#local.reasonLost(lease, node, families, attributes)
        if (node === undefined || loss !== undefined)
          throw new OverlayError('LEASE_LOST', `renewing ${leaseKey(lease)}: ${loss}; acquire again`)
        const renewed = await this.#local.publish(node, attributes, families, { signal: stop, ifUnchanged })
        if (renewed !== undefined) return renewed
      }
      throw new OverlayError(
        'STORE_UNAVAILABLE',
        `renewing ${leaseKey(lease)}: its node has changed ${MAX_ATTEMPTS} times meanwhile; try again`,
      )
    })
  }

  /** Removes the annotations that this node published. Those that operators have set stay. */
  releaseLease(lease: Lease, { signal }: AbortOptions = {}): Promise<void> {
    return this.#call(signal, async (stop) => {
      const families = enabledFamilies(await this.#config.read(stop))
      const node = await this.#local.get(stop)
      if (node === undefined || this.#local.reasonLost(lease, node, families) !== undefined) return
      await this.#local.withdraw(node, stop)
    })
  }

  /**
   * Sets the node's condition `NetworkUnavailable` to `False`, as flannel does once it is up: some clouds schedule no pod
   * before. Does not write what is set already. Call it when the overlay is in sync, and again when it has acquired
   * another lease, because the node may have been replaced under its name.
   */
  reportNetworkAvailable({ signal }: AbortOptions = {}): Promise<void> {
    return this.#reportNetwork(undefined, signal)
  }

  /**
   * Sets the node's condition `NetworkUnavailable` to `True`, with the reason `NoPeerReachable`: Kubernetes then places no new
   * pods on it, and leaves those that run. Does not write what is set already, whatever its message.
   *
   * @param why a sentence, the condition's message
   */
  reportNetworkUnavailable(why: string, { signal }: AbortOptions = {}): Promise<void> {
    return this.#reportNetwork(why, signal)
  }

  /** What `reportNetworkAvailable` would change, by the condition's type; undefined if it is set already. Writes nothing. */
  networkAvailableChange({ signal }: AbortOptions = {}): Promise<RecordChange | undefined> {
    return this.#call(signal, async (stop) =>
      this.#nodes.networkAvailableChange(await this.#local.name(stop), stop),
    )
  }

  async *watchLeases({
    signal,
    onError = () => {},
    onRecovered = () => {},
  }: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    if (signal.aborted) return
    this.#closed.signal.throwIfAborted()
    const ended = new AbortController()
    const stop = AbortSignal.any([signal, this.#closed.signal, ended.signal])
    let publishing: Promise<void> | undefined
    try {
      const families = enabledFamilies(await this.#config.read(stop))
      const table = new NodeTable({
        leaseOf: (node) => leaseOfNode(this.#local.asRequested(node), families),
        onInvalid: onError,
      })
      const addresses = new AddressPublisher({
        publish: (node, abort) => this.#local.correctAddresses(node, families, abort),
        families,
        onNodeAddresses: this.#options.onNodeAddresses,
        onError,
        clock: this.#clock,
        random: this.#random,
      })
      publishing = addresses.run(stop)
      for await (const change of this.#follow({ signal: stop, firstList: this.#firstList, onError })) {
        const asking = this.#advertised.ask(stop)
        // A lease of the list may lead packets for the address into the overlay: then it could not be asked for any more.
        if (change.type === 'list') await asking
        if (change.type === 'resumed') {
          onRecovered()
          continue
        }
        const local = this.#localIn(change)
        if (local !== undefined) addresses.observe(local)
        for (const event of table.take(change)) {
          if (stop.aborted) break
          yield event
        }
      }
      if (!signal.aborted) this.#closed.signal.throwIfAborted()
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      ended.abort()
      await publishing
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new OverlayError('CLOSED', 'the Kubernetes store was disposed of: create a new one'))
    this.#api.close()
  }

  #reportNetwork(whyDown: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    return this.#call(signal, async (stop) => {
      const name = await this.#local.name(stop)
      const condition = { whyDown, now: this.#clock.now(), signal: stop }
      if (await this.#nodes.setNetworkCondition(name, condition)) this.#board.requested('patch')
    })
  }

  async #call<T>(signal: AbortSignal | undefined, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    this.#closed.signal.throwIfAborted()
    return work(signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]))
  }

  get #firstList(): ListMode {
    return this.#options.firstList === 'quorum'
      ? { type: 'quorum' }
      : { type: 'cached', notBefore: this.#local.seen }
  }

  #follow({ signal, firstList, only, onError = () => {} }: FollowRequest): AsyncGenerator<ReflectorEvent> {
    return reflectNodes({
      api: this.#api,
      decoder: this.#decoder,
      clock: this.#clock,
      random: this.#random,
      requestTimeoutMs: this.#options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS,
      watchIdleTimeoutMs: this.#options.watchTimeoutMs ?? DEFAULT_WATCH_TIMEOUT_MS,
      signal,
      firstList,
      only,
      observer: {
        requested: (what) => this.#board.requested(what),
        heard: () => this.#board.heard(),
        cut: (error) => this.#options.onWatchCut?.(error),
        failed: (error) => {
          this.#board.failed(error)
          onError(error)
        },
      },
    })
  }

  #localIn(change: NodeChange): NodeRecord | undefined {
    if (change.type === 'list') return change.nodes.find((node) => this.#local.isThis(node))
    return change.type === 'put' && this.#local.isThis(change.node) ? change.node : undefined
  }
}

interface FollowRequest {
  readonly signal: AbortSignal
  readonly firstList: ListMode
  readonly only?: string
  readonly onError?: (error: Error) => void
}
