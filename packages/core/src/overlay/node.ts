import type { Backend } from '../contract/backend.js'
import type { Driver, Operation, OwnershipScope } from '../contract/driver.js'
import type { LeaseContext, NodeContext } from '../contract/node-context.js'
import { isRoute, type Resource } from '../contract/resource.js'
import { type Lease, leaseKey } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { Reconciler } from '../reconciler/reconciler.js'
import type { AbortOptions } from '../util/abort.js'
import { disposeAll } from '../util/dispose.js'
import type { OverlayError } from '../util/errors.js'
import { isSameHost } from './awaited-uplink.js'
import { type ConfigChange, ConfigWatch } from './config-watch.js'
import { cutsOff, reachableAddresses, reachingStore } from './cut-off.js'
import { type FoundInterface, isSameInterface, nodeContext } from './external-interface.js'
import type { DesiredResource, Inspection } from './inspection.js'
import { InterfaceWatch } from './interface-watch.js'
import { LeaseFollower } from './lease-follower.js'
import { LeaseKeeper, type LeaseKeeperEvent } from './lease-keeper.js'
import { localResources } from './local-resources.js'
import { overlapWarnings } from './network-overlap.js'
import type { FormerNode, OverlayNodeOptions } from './node-options.js'
import type { StopOptions } from './options.js'
import { linkNames, networksOf, ownershipScope, withAlias } from './ownership.js'
import { blockPlainRoutes, isPeerRoute } from './plain-routes.js'
import { formerNetworks, type PreparedNode, plainRoutes, prepareNode, storeAccess } from './prepare-node.js'
import { earlierLease, earlierSubnets } from './previous-node.js'
import { removeShared } from './remove-shared.js'
import { unmarkedRivals } from './unmarked-routes.js'

/** The owner of what this node needs whatever its peers; no lease has such a key. */
const THIS_NODE = 'this node'

/**
 * This node in one network: it joins, keeps its lease, follows the others', and leaves.
 *
 * It composes the parts, and what one of them has to do with another is said here alone: `LeaseKeeper` keeps this node's
 * lease; `LeaseFollower` turns the others' into desired state; the reconciler has the drivers hold that; `InterfaceWatch`
 * and `ConfigWatch` see what all of it depends on change.
 */
export class OverlayNode {
  readonly config: NetworkConfig
  readonly reconciler: Reconciler
  readonly #options: OverlayNodeOptions
  readonly #backend: Backend
  readonly #backendDrivers: Driver[]
  readonly #leftovers: readonly Driver[]
  /** Absent if the caller named the interface. */
  readonly #interface: InterfaceWatch | undefined
  readonly #keeper: LeaseKeeper
  readonly #configWatch: ConfigWatch
  readonly #leases: LeaseFollower
  readonly #left = new AbortController()
  #isOutdated = false
  #isListed = false
  /** Why the uplink is not there yet; undefined once it is. */
  #awaitsUplink: string | undefined
  #running: Promise<unknown> | undefined
  #node: NodeContext
  #lastContext: LeaseContext | undefined

  /** See `prepareNode`: throws as that does. */
  static async prepare(options: OverlayNodeOptions, signal: AbortSignal): Promise<OverlayNode> {
    return new OverlayNode(options, await prepareNode(options, signal))
  }

  private constructor(options: OverlayNodeOptions, { backend, leftovers, found, context }: PreparedNode) {
    const { subnets, drivers, clock, random, observer } = options
    const onError = (error: OverlayError): void => observer.error(error)
    this.config = context.config
    this.#options = options
    this.#backend = backend
    this.#node = context
    this.#awaitsUplink = found.awaited
    this.#leftovers = leftovers
    this.#backendDrivers = [...(backend.drivers?.(context) ?? []), ...leftovers]
    this.reconciler = new Reconciler({
      drivers: this.#drivers,
      clock,
      random,
      resyncIntervalMs: options.resyncIntervalMs,
      scope: () => this.#scope,
      isHarmful: (resource) => cutsOff(resource, this.#reachable) || this.#isPlain(resource),
      beforeRead: async (abort) => {
        // One that leaves desires nothing any more, whatever its host has: its own links are like others by now.
        if (this.#left.signal.aborted) return
        this.#leases.expire()
        await this.#interface?.look(abort)
        this.#leases.refresh()
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
        onAwaited: (why) => this.#awaitUplink(why),
        lookAgain: () => this.reconciler.resync(),
        onWarning: (text) => observer.warning(text),
        onError,
        onRecovered: (error) => observer.recovered(error),
      })
    }
    this.#keeper = new LeaseKeeper({
      subnets,
      clock,
      random,
      renewMarginMs: options.renewMarginMs,
      attributes: (held) => backend.attributes({ ...this.#node, previous: held }),
      previous: earlierSubnets(options.previous),
      former: options.former?.lease,
      earlier: earlierLease(options.previous, found.externalInterface),
      withoutUplink: () => this.#awaitsUplink !== undefined,
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
      onRecovered: (error) => observer.recovered(error),
    })
    this.#leases = new LeaseFollower({
      config: this.config,
      // What leads to peers needs the uplink.
      backend: { peer: (lease, node) => (this.#awaitsUplink === undefined ? backend.peer(lease, node) : []) },
      subnets,
      clock,
      desired: this.reconciler.desired,
      context: () => this.#context,
      isOwnResource: (key) => this.reconciler.desired.isClaimedBy(key, THIS_NODE),
      ownLinks: () => this.#ownLinks,
      isHeld: () => !this.#keeper.isLost,
      onOwn: (lease) => (lease === undefined ? this.#keeper.lost() : this.#keeper.observe(lease)),
      onListed: () => {
        this.#isListed = true
        this.#openGate()
      },
      onPeer: (event) => observer.peer(event),
      onSurroundings: () => this.reconciler.resync(),
      onOutside: () => this.#configWatch.look(),
      onWarning: (text) => observer.warning(text),
      onStore: (event) => observer.store(event),
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

  /** Why there is no uplink yet; undefined while there is one. */
  get awaitsUplink(): string | undefined {
    return this.#awaitsUplink
  }

  get leases(): ReadonlyMap<string, Lease> {
    return this.#leases.leases
  }

  /** What is wrong with the config in the store, and when that was read. */
  get storedConfig(): Pick<ConfigWatch, 'asOf' | 'error'> {
    return this.#configWatch
  }

  /** How well the store is heard. */
  get watch(): LeaseFollower['watch'] {
    return this.#leases.watch
  }

  /**
   * Acquires a lease, makes the drivers hold what this node needs whatever its peers, and waits for the first list of
   * everyone's leases. From then on, until `leave`, it keeps the lease, follows the others' and reconciles. If it
   * rejects, `leave` is still to be called; a lease that was acquired is kept for the next try.
   */
  async join(signal: AbortSignal): Promise<void> {
    try {
      await this.#join(signal)
    } catch (error) {
      await blockPlainRoutes(plainRoutes(this.#options, this.config, this.#backend), { signal })
      throw error
    }
  }

  async #join(signal: AbortSignal): Promise<void> {
    const { subnets, observer } = this.#options
    if (this.#awaitsUplink !== undefined) this.#awaitUplink(this.#awaitsUplink)
    observer.waiting(`a lease from ${subnets.name}`)
    await reachingStore(this.#keeper.acquire(signal), storeAccess(this.#options), signal)
    observer.waiting('the first writes')
    await this.reconciler.first({ signal })
    const left = this.#left.signal
    this.#running = Promise.all([
      this.#keeper.run(left),
      this.#leases.run(left),
      this.#configWatch.run(left),
      this.reconciler.run(left),
      this.#interface?.awaitUplink(left),
    ])
    this.#requireLocalResources()
    observer.joined()
    observer.waiting(`the first list of leases from ${subnets.name}`)
    await this.#leases.whenListed(signal)
    for (const warning of this.#overlapWarnings()) observer.warning(warning)
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
      else if (release) await removeShared(this.#drivers, this.#scope, options)
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
    const { externalInterface, origins } = this.#node
    return {
      lease: this.lease,
      found: { externalInterface, origin: origins?.externalInterface ?? '', awaited: this.#awaitsUplink },
      networks: [...networksOf(this.config), ...formerNetworks(this.#options)],
    }
  }

  plan(options: AbortOptions): Promise<readonly Operation[]> {
    return this.reconciler.plan(options)
  }

  /** What is desired, for which leases, and what would be written now; reads everything, changes nothing. */
  async inspect(options: AbortOptions): Promise<Inspection> {
    const operations = await this.reconciler.plan(options)
    return { desired: this.desired, operations }
  }

  /** What is desired, with the leases that require it; this node's own among them. */
  get desired(): readonly DesiredResource[] {
    const { desired } = this.reconciler
    const own = leaseKey(this.lease)
    return [...desired].map((resource) => ({
      resource,
      owners: [...desired.ownersOf(resource.key)].map((owner) => (owner === THIS_NODE ? own : owner)),
    }))
  }

  /** What `join` would write, with all leases known; writes nothing to the drivers. `leave` is still to be called. */
  async preview(signal: AbortSignal) {
    await this.#keeper.acquire(signal)
    const left = this.#left.signal
    this.#running = this.#leases.run(left)
    await this.#leases.whenListed(signal)
    const operations = await this.reconciler.plan({ signal })
    const held = { drivers: this.#drivers, scope: this.#scope }
    return { operations, rivals: await unmarkedRivals(operations, this.#ownLinks, held, { signal }) }
  }

  /** Whether packets leave unencrypted by it, or may do, though they are not to. */
  #isPlain(resource: Resource): boolean {
    const { sendsPlain } = this.#backend
    if (sendsPlain === undefined) return false
    if (isRoute(resource)) return sendsPlain(resource, this.config)
    return this.#leftovers.some(({ kinds }) => kinds.includes(resource.kind))
  }

  #overlapWarnings(): readonly string[] {
    const { host } = this.#node.externalInterface
    return overlapWarnings(this.config, this.lease, this.leases.values(), host, this.#ownLinks)
  }

  get #ownLinks(): readonly string[] {
    return linkNames(this.reconciler.desired.of(THIS_NODE))
  }

  get #drivers(): readonly Driver[] {
    return [...this.#options.drivers, ...this.#backendDrivers]
  }

  /** Which of what the drivers hold is this overlay's. */
  get #scope(): OwnershipScope {
    return ownershipScope({
      config: this.config,
      formerNetworks: formerNetworks(this.#options),
      local: this.reconciler.desired.of(THIS_NODE),
      outside: this.#leases.outside,
      externalInterface: this.#node.externalInterface,
      reachable: this.#reachable,
      isUnmarkedOurs:
        this.#backend.sendsPlain && isPeerRoute(this.config, [this.lease.subnet, this.lease.ipv6Subnet]),
    })
  }

  get #context(): LeaseContext {
    const { lease } = this
    // One for all of tens of thousands of peers.
    if (this.#lastContext?.lease !== lease) this.#lastContext = { ...this.#node, lease }
    return this.#lastContext
  }

  /** Addresses that no route of ours may lead away. */
  get #reachable(): readonly string[] {
    return reachableAddresses(this.#options.subnets, this.#node.externalInterface.host)
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
    this.#leases.setStoreConfig(config)
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

  /**
   * Throws for what the backend calls for and is not there: without it, the node has no overlay. What a part calls for is
   * reported and tried again, unless no driver could ever hold it.
   */
  #requireLocalResources(): void {
    const ofBackend = new Set(this.#local.local(this.#context).map(({ key }) => key))
    const drivers = this.#drivers
    const needed = this.reconciler.desired
      .of(THIS_NODE)
      .filter(({ key, kind }) => ofBackend.has(key) || !drivers.some(({ kinds }) => kinds.includes(kind)))
    const keys = new Set(needed.map(({ key }) => key))
    const failure = this.reconciler.status.failures.find(({ key }) => keys.has(key))
    if (failure !== undefined) throw failure.error
  }

  #localResources(context: LeaseContext): readonly Resource[] {
    return localResources(this.#local, this.#options.parts, context)
  }

  /** The backend as far as it works now: without an uplink, it has this node hold nothing. */
  get #local(): Pick<Backend, 'type' | 'local'> {
    return this.#awaitsUplink === undefined ? this.#backend : { type: this.#backend.type, local: () => [] }
  }

  /**
   * What none of the peers calls for may go from here on. Not while the uplink is waited for: what an earlier run left is
   * no wrong then, and it is wanted as soon as the uplink is there.
   */
  #openGate(): void {
    if (this.#isListed && this.#awaitsUplink === undefined) this.reconciler.openGate()
  }

  #awaitUplink(why: string): void {
    this.#awaitsUplink = why
    const { externalInterface } = this.#node
    this.#options.observer.uplink({ type: 'awaited', externalInterface, why })
  }

  /** Asks the backend for everything again: what this node is, or holds, may change what any lease calls for. */
  #recompute(): void {
    this.reconciler.desired.set(THIS_NODE, withAlias(this.#localResources(this.#context), this.config))
    this.#leases.recompute()
  }

  /** The interface in force, or the host around it, has changed: its MTU and addresses shape the desired state. */
  #adoptInterface(found: FoundInterface): void {
    const awaited = this.#awaitsUplink
    const former = this.#node.externalInterface
    if (awaited === undefined && isSameInterface(found.externalInterface, former)) {
      // Admission alone depends on the host around it, and looks at it next.
      this.#node = { ...this.#node, externalInterface: found.externalInterface }
      this.#lastContext = undefined
      return
    }
    const node = nodeContext(this.config, found, this.#options)
    const [before, mtu] = [this.mtu, this.#backend.mtu(node)]
    // Throws for an interface that will not do.
    localResources(this.#backend, this.#options.parts, { ...node, lease: this.lease })
    this.#node = node
    this.#awaitsUplink = undefined
    this.#lastContext = undefined
    this.#recompute()
    this.#openGate()
    if (awaited !== undefined) {
      if (!isSameHost(found.externalInterface, former)) this.#keeper.disown()
      this.#options.observer.uplink({ type: 'found', externalInterface: found.externalInterface })
    }
    this.#keeper.republish()
    if (mtu !== before) this.#options.observer.mtu(mtu)
  }
}
