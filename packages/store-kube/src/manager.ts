import {
  type AbortOptions,
  type Clock,
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  leaseKey,
  type NetworkConfig,
  OverlayError,
  type PublicAddresses,
  type Random,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { enabledFamilies, systemClock } from '@selvedge/core/kit'
import { DEFAULT_ANNOTATION_PREFIX, fullPrefix } from './annotations.js'
import type { KubeAccess } from './auth/access.js'
import { AgentKeeper, type Connector } from './auth/http-agent-cache.js'
import { DiscoveryConnector, KubeconfigConnector } from './auth/kubeconfig-connector.js'
import { TargetConnector, targetOf } from './auth/target-connector.js'
import { KubeApi } from './client/kube-api.js'
import { Nodes } from './client/node-client.js'
import { NodeDecoder } from './client/node-codec.js'
import type { NodeRecord } from './client/node-record.js'
import { followNodes, type ListMode, type NodeNews } from './client/reflector.js'
import { OwnNode } from './local-node.js'
import { NetworkConfigSource } from './network-config-source.js'
import { leaseOfNode } from './node-lease.js'
import { NodeTable } from './node-table.js'
import type { KubeStatus, KubeSubnetManagerOptions } from './options.js'
import { checkPodCidrs } from './pod-cidrs.js'
import { OwnAddresses } from './published-addresses.js'
import { StatusBoard } from './status.js'

const DEFAULT_REQUEST_TIMEOUT = 10_000
const DEFAULT_WATCH_TIMEOUT = 90_000

/** A node that is deleted and created again between reading and writing it is read again; so often in a row it is not. */
const MOST_ATTEMPTS = 5

/**
 * The nodes of a Kubernetes cluster as the lease table, as flannel keeps it: a node's PodCIDRs are its subnets, and its
 * annotations say how to reach it. See the README for what must be granted and what is guaranteed.
 *
 * Leases here never end (`expiresAt` is absent): one goes with its node.
 */
export class KubeSubnetManager implements SubnetManager {
  readonly name = 'kubernetes'
  readonly #options: KubeSubnetManagerOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #api: KubeApi
  readonly #decoder: NodeDecoder
  readonly #nodes: Nodes
  readonly #own: OwnNode
  readonly #config: NetworkConfigSource
  readonly #board: StatusBoard
  readonly #closed = new AbortController()

  /** Nothing is read or sent. Throws an OverlayError `INVALID_CONFIG` for options that break a rule. */
  constructor(options: KubeSubnetManagerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#random = options.random ?? Math.random
    this.#board = new StatusBoard(this.#clock, options.onStatus)
    const prefix = fullPrefix(options.annotationPrefix ?? DEFAULT_ANNOTATION_PREFIX)
    const api = new KubeApi(connectorFor(options.access))
    const decoder = new NodeDecoder(prefix)
    const patience = options.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT
    this.#api = api
    this.#decoder = decoder
    this.#nodes = new Nodes({ api, decoder, prefix, patience })
    this.#own = new OwnNode({
      node: options.node,
      nodes: this.#nodes,
      board: this.#board,
      follow: (only, signal) => this.#follow({ signal, firstList: { type: 'quorum' }, only }),
    })
    this.#config = new NetworkConfigSource({
      networkConfig: options.networkConfig,
      networkConfigFile: options.networkConfigFile,
      clock: this.#clock,
      board: this.#board,
    })
  }

  /** For health checks and metrics. */
  get status(): KubeStatus {
    return this.#board.status
  }

  getNetworkConfig({ signal }: AbortOptions = {}): Promise<NetworkConfig> {
    return this.#call(signal, (stop) => this.#config.read(stop))
  }

  /**
   * The addresses that people say this node has, by the annotations `node-public-ip` and `node-public-ipv6`: what to
   * give an overlay as `publicIp` and `publicIpv6`, and to choose its interface by. Those that they have published in
   * its stead (`public-ip-overwrite`) are none of its own. Waits for nothing: both are absent where the node has not
   * registered.
   */
  nodeAddresses({ signal }: AbortOptions = {}): Promise<PublicAddresses> {
    return this.#call(signal, (stop) => this.#own.addresses(stop))
  }

  /**
   * The subnet is the node's PodCIDR: waits until the node has registered and has one, which `status` tells meanwhile.
   * Rejects with `INVALID_CONFIG` where it is outside the network. `previous` counts for nothing.
   */
  acquireLease({ attributes, adopt }: LeaseRequest, { signal }: AbortOptions = {}): Promise<Lease> {
    return this.#call(signal, async (stop) => {
      const config = await this.#config.read(stop)
      const families = enabledFamilies(config)
      for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
        const node = await this.#own.ready(stop)
        checkPodCidrs(node, config)
        const held = this.#own.held(node, families)
        const published = (held && adopt?.(held)) ?? attributes
        const lease = await this.#own.publish(node, published, families, stop)
        if (lease !== undefined) return lease
      }
      throw new OverlayError(
        'STORE_UNAVAILABLE',
        `publishing the lease of this node: it was deleted and created again ${MOST_ATTEMPTS} times meanwhile`,
      )
    })
  }

  renewLease(lease: Lease, { signal }: AbortOptions = {}): Promise<Lease> {
    return this.#call(signal, async (stop) => {
      const families = enabledFamilies(await this.#config.read(stop))
      const node = await this.#own.get(stop)
      const loss = this.#own.lossOf(lease, node, families)
      if (node !== undefined && loss === undefined) {
        const renewed = await this.#own.publish(node, lease.attributes, families, stop)
        if (renewed !== undefined) return renewed
      }
      const why = loss ?? 'its node was deleted meanwhile'
      throw new OverlayError('LEASE_LOST', `renewing ${leaseKey(lease)}: ${why}; acquire again`)
    })
  }

  /** Removes the annotations that this node published; those that people set stay. */
  releaseLease(lease: Lease, { signal }: AbortOptions = {}): Promise<void> {
    return this.#call(signal, async (stop) => {
      const families = enabledFamilies(await this.#config.read(stop))
      const node = await this.#own.get(stop)
      if (node === undefined || this.#own.lossOf(lease, node, families) !== undefined) return
      await this.#own.withdraw(node, stop)
    })
  }

  /**
   * Sets the node's condition `NetworkUnavailable` to `False`, as flannel does once it is up: on some clouds no pod is
   * scheduled before. Writes only where it says otherwise. Call it when the overlay is in sync, and again when it has
   * acquired its lease anew, since the node may be another one under the same name.
   */
  reportNetworkAvailable({ signal }: AbortOptions = {}): Promise<void> {
    return this.#call(signal, async (stop) => {
      const name = await this.#own.name(stop)
      if (await this.#nodes.setNetworkAvailable(name, this.#clock.now(), stop)) this.#board.asked('patch')
    })
  }

  async *watchLeases({
    signal,
    onError = () => {},
    onRecovered = () => {},
  }: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    if (signal.aborted) return
    this.#closed.signal.throwIfAborted()
    const left = new AbortController()
    const stop = AbortSignal.any([signal, this.#closed.signal, left.signal])
    let keeping: Promise<void> | undefined
    try {
      const families = enabledFamilies(await this.#config.read(stop))
      const table = new NodeTable({
        leaseOf: (node) => leaseOfNode(this.#own.asAskedFor(node), families),
        onInvalid: onError,
      })
      const addresses = new OwnAddresses({
        mend: (node, abort) => this.#own.mendAddresses(node, families, abort),
        families,
        onNodeAddresses: this.#options.onNodeAddresses,
        onError,
        clock: this.#clock,
        random: this.#random,
      })
      keeping = addresses.run(stop)
      for await (const news of this.#follow({ signal: stop, firstList: this.#firstList, onError })) {
        const own = this.#ownIn(news)
        if (own !== undefined) addresses.observe(own)
        if (news.type === 'resumed') {
          onRecovered()
          continue
        }
        for (const event of table.take(news)) {
          if (stop.aborted) break
          yield event
        }
      }
      if (!signal.aborted) this.#closed.signal.throwIfAborted()
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      left.abort()
      await keeping
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new OverlayError('CLOSED', 'the Kubernetes store was disposed of: make a new one'))
    this.#api.close()
  }

  async #call<T>(signal: AbortSignal | undefined, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    signal?.throwIfAborted()
    this.#closed.signal.throwIfAborted()
    return work(signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]))
  }

  get #firstList(): ListMode {
    return this.#options.firstList === 'quorum'
      ? { type: 'quorum' }
      : { type: 'cached', notBefore: this.#own.seen }
  }

  #follow({ signal, firstList, only, onError = () => {} }: FollowRequest): AsyncGenerator<NodeNews> {
    return followNodes({
      api: this.#api,
      decoder: this.#decoder,
      clock: this.#clock,
      random: this.#random,
      beginPatience: this.#options.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT,
      watchPatience: this.#options.watchTimeout ?? DEFAULT_WATCH_TIMEOUT,
      signal,
      firstList,
      only,
      observer: {
        asked: (what) => this.#board.asked(what),
        heard: () => this.#board.heard(),
        failed: (error) => {
          this.#board.failed(error)
          onError(error)
        },
      },
    })
  }

  #ownIn(news: NodeNews): NodeRecord | undefined {
    if (news.type === 'put') return this.#own.isThis(news.node) ? news.node : undefined
    if (news.type !== 'list') return undefined
    return news.nodes.find((node) => this.#own.isThis(node))
  }
}

interface FollowRequest {
  readonly signal: AbortSignal
  readonly firstList: ListMode
  readonly only?: string
  readonly onError?: (error: Error) => void
}

function connectorFor(access: KubeAccess): Connector {
  if ('discover' in access) return new DiscoveryConnector(access)
  if ('kubeconfigFile' in access) return new KubeconfigConnector(access)
  return new TargetConnector(targetOf(access), new AgentKeeper())
}
