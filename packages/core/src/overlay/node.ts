import type { Backend } from '../contract/backend.js'
import type { Driver, Operation } from '../contract/driver.js'
import type { ExternalInterface, LeaseContext, NodeContext } from '../contract/node-context.js'
import type { LeaseEvent, SubnetManager } from '../contract/subnet-manager.js'
import { type Lease, leaseKey, type PublicAddresses } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { SubnetEnv } from '../lease/subnet-env.js'
import type { Drift } from '../reconciler/delta-tracker.js'
import { Reconciler } from '../reconciler/reconciler.js'
import type { SyncReport } from '../reconciler/sync-tally.js'
import type { AbortOptions } from '../util/abort.js'
import type { Clock, Random } from '../util/clock.js'
import type { OverlayError } from '../util/errors.js'
import { type BackendChoice, chooseBackend, knownRequirements } from './choose-backend.js'
import { type ConfigChange, ConfigWatch } from './config-watch.js'
import {
  type FoundInterface,
  findExternalInterface,
  givenInterface,
  isSameInterface,
  nodeContext,
} from './external-interface.js'
import { InterfaceWatch } from './interface-watch.js'
import { LeaseKeeper, type LeaseKeeperEvent } from './lease-keeper.js'
import { LeaseTable, type PeerEvent } from './lease-table.js'
import { LeaseWatch } from './lease-watch.js'
import type { StopOptions } from './options.js'
import { linkNames, networksOf, ownershipScope, withAlias } from './ownership.js'
import { PeerResources } from './peer-resources.js'
import type { ConfigEvent } from './reports.js'

export interface OverlayNodeOptions extends PublicAddresses {
  readonly subnets: SubnetManager
  readonly backends: BackendChoice
  readonly drivers: readonly Driver[]
  readonly externalInterface: ExternalInterface | undefined
  readonly previous: Partial<SubnetEnv> | undefined
  /** What this node was until a moment ago, before it joined again under another config. */
  readonly former: FormerNode | undefined
  readonly renewMarginMs: number
  readonly resyncIntervalMs: number
  readonly clock: Clock
  readonly random: Random
  readonly observer: OverlayNodeObserver
}

/** What remains of a node that joins again. */
export interface FormerNode {
  readonly lease: Lease
  /** What it served, and may have left resources of. */
  readonly networks: readonly string[]
}

/** Hears of everything, and is asked nothing. */
export interface OverlayNodeObserver {
  lease(event: LeaseKeeperEvent): void
  peer(event: PeerEvent): void
  sync(report: SyncReport): void
  drift(drift: readonly Drift[]): void
  config(event: ConfigEvent): void
  mtu(mtu: number): void
  error(error: OverlayError): void
  warning(text: string): void
  /** What joining waits for next. */
  waiting(what: string): void
  /** The lease is held, and what this node needs whatever its peers are is written. */
  joined(): void
  /** The lease is lost, and the network is another by now: this node has to leave, and join again. */
  outdated(): void
}

/** The owner of what this node needs whatever its peers; no lease has such a key. */
const THIS_NODE = 'this node'

/**
 * This node in one network: it joins, keeps its lease, follows the others', and leaves.
 *
 * The way of a lease from the store to the kernel begins here: `LeaseWatch` hears of it, `#onLeases` takes it in,
 * `PeerResources` asks the backend what it calls for, and the reconciler, whose desired state holds that under the
 * lease's key, has the drivers write it.
 */
export class OverlayNode {
  readonly config: NetworkConfig
  readonly reconciler: Reconciler
  readonly #options: OverlayNodeOptions
  readonly #backend: Backend
  readonly #backendDrivers: Driver[]
  /** Absent if the caller named the interface. */
  readonly #interface: InterfaceWatch | undefined
  readonly #keeper: LeaseKeeper
  readonly #watch: LeaseWatch
  readonly #configWatch: ConfigWatch
  readonly #table = new LeaseTable()
  readonly #peers: PeerResources
  readonly #left = new AbortController()
  #isOutdated = false
  #running: Promise<unknown> | undefined
  #node: NodeContext
  #lastContext: LeaseContext | undefined

  /**
   * Reads the network config and finds the external interface: what has to be known before anything is changed.
   * @throws whatever stands in the way of that
   */
  static async prepare(options: OverlayNodeOptions, signal: AbortSignal): Promise<OverlayNode> {
    const { subnets, backends, drivers, observer } = options
    observer.waiting('the drivers')
    const checked = knownRequirements(backends)
    await preflight(options, checked, signal)
    observer.waiting(`the network config from ${subnets.name}`)
    const config = await subnets.getNetworkConfig({ signal })
    observer.config({ type: 'read', config, differences: [] })
    for (const key of config.unknownKeys) {
      observer.warning(`the network config's key '${key}' means nothing and is ignored: is it mistyped?`)
    }
    const backend = await chooseBackend(config, backends)
    const unchecked = (backend.requires ?? []).filter((requirement) => !checked.includes(requirement))
    if (unchecked.length > 0) await preflight(options, unchecked, signal)
    observer.waiting('the external interface')
    const given = options.externalInterface
    const found = given ? givenInterface(given) : await findExternalInterface(drivers, { signal })
    const node = nodeContext(config, found, options)
    for (const warning of backend.warnings?.(node) ?? []) observer.warning(warning)
    return new OverlayNode(options, backend, node, found)
  }

  private constructor(
    options: OverlayNodeOptions,
    backend: Backend,
    node: NodeContext,
    found: FoundInterface,
  ) {
    const { subnets, drivers, clock, random, observer } = options
    const onError = (error: OverlayError): void => observer.error(error)
    this.config = node.config
    this.#options = options
    this.#backend = backend
    this.#node = node
    this.#backendDrivers = [...(backend.drivers?.(node) ?? [])]
    this.reconciler = new Reconciler({
      drivers: [...drivers, ...this.#backendDrivers],
      clock,
      random,
      resyncIntervalMs: options.resyncIntervalMs,
      scope: () =>
        ownershipScope({
          config: this.config,
          formerNetworks: this.#formerNetworks,
          local: this.reconciler.desired.of(THIS_NODE),
          outside: this.#peers.outside,
          externalInterface: this.#node.externalInterface,
        }),
      beforeRead: async (abort) => {
        this.#peers.update(this.#table.expire(clock.monotonic()), this.#context)
        await this.#interface?.look(abort)
        this.#peers.refresh(this.#context)
      },
      onSync: (report) => observer.sync(report),
      onDrift: (drift) => observer.drift(drift),
      onError,
    })
    if (options.externalInterface === undefined) {
      this.#interface = new InterfaceWatch({
        drivers,
        config: this.config,
        clock,
        found,
        adopt: (other) => this.#adoptInterface(other),
        lookAgain: () => this.reconciler.resync(),
        onWarning: (text) => observer.warning(text),
        onError,
      })
    }
    this.#keeper = new LeaseKeeper({
      subnets,
      clock,
      random,
      renewMarginMs: options.renewMarginMs,
      attributes: (held) => backend.attributes({ ...this.#node, previous: held }),
      previous: options.previous,
      former: options.former?.lease,
      networkStands: (abort) => this.#networkStands(abort),
      onEvent: (event) => this.#onOwnLease(event),
      onError,
    })
    this.#configWatch = new ConfigWatch({
      subnets,
      config: this.config,
      clock,
      random,
      onChange: (change) => this.#onConfigChange(change),
      onError,
    })
    this.#watch = new LeaseWatch({
      subnets,
      clock,
      onEvent: (event) => this.#onLeases(event),
      onError: (error) => {
        onError(error)
        // It may have been cut off by a lease that covers an address of its own that is known only now.
        this.#peers.refresh(this.#context)
      },
    })
    this.#peers = new PeerResources({
      config: this.config,
      backend,
      subnets,
      desired: this.reconciler.desired,
      ownLinks: () => linkNames(this.reconciler.desired.of(THIS_NODE)),
      isHeld: () => !this.#keeper.isLost,
      onPeer: (event) => observer.peer(event),
      onOutside: () => this.#configWatch.look(),
      onError,
    })
  }

  get lease(): Lease {
    return this.#keeper.lease
  }

  /** The MTU for pods, in bytes. */
  get mtu(): number {
    return this.#backend.mtu(this.#node)
  }

  /** What this node goes by, and where that came from. */
  get facts(): NodeContext {
    return this.#node
  }

  get leases(): ReadonlyMap<string, Lease> {
    return this.#table.leases
  }

  /** How well the store is heard. */
  get watch(): Pick<LeaseWatch, 'asOf' | 'error'> {
    return this.#watch
  }

  /**
   * Acquires a lease, makes the drivers hold what this node needs whatever its peers, and waits for the first list of
   * everyone's leases. From then on, until `leave`, it keeps the lease, follows the others' and reconciles. If it
   * rejects, `leave` is still to be called; a lease that was acquired is kept for the next try.
   */
  async join(signal: AbortSignal): Promise<void> {
    const { subnets, observer } = this.#options
    observer.waiting(`a lease from ${subnets.name}`)
    await this.#keeper.acquire(signal)
    observer.waiting('the first writes')
    await this.reconciler.first({ signal })
    const left = this.#left.signal
    this.#running = Promise.all([
      this.#keeper.run(left),
      this.#watch.run(left),
      this.#configWatch.run(left),
      this.reconciler.run(left),
    ])
    const local = new Set(this.reconciler.desired.of(THIS_NODE).map(({ key }) => key))
    const failure = this.reconciler.status.failures.find(({ key }) => local.has(key))
    if (failure !== undefined) throw failure.error
    observer.joined()
    observer.waiting(`the first list of leases from ${subnets.name}`)
    await this.#watch.whenListed(signal)
  }

  /**
   * Stops following, and disposes of the drivers of the backend. What the drivers hold stays, unless cleaned up. Calling
   * it again cleans up what it did not before.
   */
  async leave({ cleanup = false, release = false, signal }: StopOptions = {}): Promise<void> {
    const options = { signal }
    this.#left.abort()
    await this.#running
    try {
      if (cleanup) await this.reconciler.removeAll(options)
      if (release) await this.#options.subnets.releaseLease(this.lease, options)
    } finally {
      await disposeAll(this.#backendDrivers.splice(0))
    }
  }

  /** Whether this node has to leave, and join again by another config. */
  get isOutdated(): boolean {
    return this.#isOutdated
  }

  /** Aborts when this node leaves. */
  get left(): AbortSignal {
    return this.#left.signal
  }

  /** For the node that takes its place. */
  get former(): FormerNode {
    return { lease: this.lease, networks: [...networksOf(this.config), ...this.#formerNetworks] }
  }

  plan(options: AbortOptions): Promise<readonly Operation[]> {
    return this.reconciler.plan(options)
  }

  get #context(): LeaseContext {
    const { lease } = this
    // One for all of tens of thousands of peers.
    if (this.#lastContext?.lease !== lease) this.#lastContext = { ...this.#node, lease }
    return this.#lastContext
  }

  get #formerNetworks(): readonly string[] {
    const { previous, former } = this.#options
    const networks = [previous?.network, previous?.ipv6Network, ...(former?.networks ?? [])]
    return [...new Set(networks.filter((network) => network !== undefined))]
  }

  #onLeases(event: LeaseEvent): void {
    const { clock, subnets, observer } = this.#options
    const changes = this.#table.take(event, clock.monotonic(), this.lease.attributes)
    this.#peers.update(changes, this.#context)
    if (event.type === 'snapshot' && event.storeWasReset === true && this.#table.forgotten > 0) {
      observer.warning(
        `${subnets.name} has lost its memory: it was wiped, replaced or restored from a backup, or its network config is ` +
          `gone. Leases of other nodes that it no longer has (${this.#table.forgotten}) are kept for up to 24 hours, until ` +
          'their nodes publish them again or another node gets their subnet',
      )
    }
    this.#checkOwnLease(changes, event.type === 'snapshot')
    // From here on every peer is known, so that what none of them calls for may go.
    if (event.type === 'snapshot') this.reconciler.openGate()
  }

  /** The store shows our own lease among all: whether it is still there, and still says what we published. */
  #checkOwnLease(changes: readonly PeerEvent[], isSnapshot: boolean): void {
    const own = this.lease
    const ownKey = leaseKey(own)
    for (const { type, lease } of changes) {
      if (leaseKey(lease) !== ownKey) continue
      if (type === 'put') this.#keeper.observe(lease)
      else this.#keeper.lost()
    }
    if (isSnapshot && !this.#table.leases.has(ownKey)) this.#keeper.lost()
  }

  /** Asked when the lease is lost, before another is acquired. */
  async #networkStands(signal: AbortSignal): Promise<boolean> {
    const stands = await this.#configWatch.isInForce(signal)
    this.#isOutdated = !stands
    if (!stands) this.#options.observer.outdated()
    return stands
  }

  #onConfigChange({ config, differences }: ConfigChange): void {
    const { subnets, observer } = this.#options
    this.#peers.setStoreConfig(config, this.#context)
    observer.config({ type: 'changed', config, differences })
    observer.warning(
      differences.length === 0
        ? `the network config in ${subnets.name} is the one in force again`
        : `the network config in ${subnets.name} has changed: ${differences.join('; ')}. ` +
            'The one in force stays until the overlay is restarted, or loses its lease',
    )
  }

  #onOwnLease(event: LeaseKeeperEvent): void {
    // A lost lease changes nothing in the kernel: traffic goes on while another is acquired.
    if (event.type === 'acquired' || event.type === 'changed') this.#recompute()
    this.#options.observer.lease(event)
  }

  /** Asks the backend for everything again: what this node is, or holds, may change what any lease calls for. */
  #recompute(): void {
    const context = this.#context
    this.reconciler.desired.set(THIS_NODE, withAlias(this.#backend.local(context), this.config))
    this.#peers.recompute(this.#table.leases.values(), context)
  }

  /** The interface in force, or the host around it, has changed: its MTU and addresses shape the desired state. */
  #adoptInterface(found: FoundInterface): void {
    if (isSameInterface(found.externalInterface, this.#node.externalInterface)) {
      // Admission alone depends on the host around it, and looks at it next.
      this.#node = { ...this.#node, externalInterface: found.externalInterface }
      this.#lastContext = undefined
      return
    }
    const node = nodeContext(this.config, found, this.#options)
    const [before, mtu] = [this.mtu, this.#backend.mtu(node)]
    this.#backend.local({ ...node, lease: this.lease }) // throws for an interface that will not do
    this.#node = node
    this.#lastContext = undefined
    this.#recompute()
    this.#keeper.republish()
    if (mtu !== before) this.#options.observer.mtu(mtu)
  }
}

/** Finds out, before anything is changed, whether the drivers may and can do what will be asked of them. */
async function preflight(
  { drivers, observer }: OverlayNodeOptions,
  requirements: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const driver of drivers) {
    const warnings = await driver.preflight?.(requirements, { signal })
    for (const warning of warnings ?? []) observer.warning(warning)
  }
}

/** Disposes of each, whatever the others do, and throws the first failure at the end. */
export async function disposeAll(disposables: readonly AsyncDisposable[]): Promise<void> {
  const results = await Promise.allSettled(disposables.map((disposable) => disposable[Symbol.asyncDispose]()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
