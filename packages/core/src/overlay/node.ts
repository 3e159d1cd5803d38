import type { Backend } from '../contract/backend.js'
import type { Driver, Operation, OwnershipScope } from '../contract/driver.js'
import type { ExternalInterface, LeaseContext, NodeContext } from '../contract/node-context.js'
import type { LinkResource, Resource } from '../contract/resource.js'
import type { LeaseEvent, SubnetManager } from '../contract/subnet-manager.js'
import { type Lease, leaseKey, type PublicAddresses } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { SubnetEnv } from '../lease/subnet-env.js'
import type { Drift } from '../reconciler/delta-tracker.js'
import { Reconciler } from '../reconciler/reconciler.js'
import type { SyncReport } from '../reconciler/sync-tally.js'
import type { AbortOptions } from '../util/abort.js'
import type { Clock, Random } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import {
  findExternalInterface,
  marked,
  networksOf,
  nodeContext,
  ownershipAlias,
} from './external-interface.js'
import { LeaseKeeper, type LeaseKeeperEvent } from './lease-keeper.js'
import { type LeaseRole, LeaseTable, NetworkBounds, type PeerEvent, refusal, roleOf } from './lease-table.js'

export interface OverlayNodeOptions extends PublicAddresses {
  readonly subnets: SubnetManager
  readonly backend: Backend
  readonly drivers: readonly Driver[]
  readonly externalInterface: ExternalInterface | undefined
  readonly previous: Partial<SubnetEnv> | undefined
  readonly renewMarginMs: number
  readonly resyncIntervalMs: number
  readonly clock: Clock
  readonly random: Random
  readonly observer: OverlayNodeObserver
}

/** Told of everything, asked nothing. */
export interface OverlayNodeObserver {
  lease(event: LeaseKeeperEvent): void
  peer(event: PeerEvent): void
  sync(report: SyncReport): void
  drift(drift: readonly Drift[]): void
  mtu(mtu: number): void
  error(error: OverlayError): void
  warning(text: string): void
}

/** Who wishes for what this node needs whatever its peers; no lease has such a key. */
const THIS_NODE = 'this node'

/** A watch that ended though it should not have is opened again after this long, in ms. */
const REWATCH_DELAY = 1_000

/**
 * This node's membership in one network, from its lease to the kernel. This is where a lease is followed: `#follow`
 * takes it from the store, `#callsFor` asks the backend what it calls for, and the reconciler, which holds these
 * wishes by the lease's key, hands them to the drivers.
 */
export class OverlayNode {
  readonly config: NetworkConfig
  readonly reconciler: Reconciler
  readonly #options: OverlayNodeOptions
  readonly #backendDrivers: readonly Driver[]
  readonly #keeper: LeaseKeeper
  readonly #table = new LeaseTable()
  readonly #bounds: NetworkBounds
  #node: NodeContext
  #lastContext: LeaseContext | undefined
  /** Leased subnets outside the network, whose routes are ours all the same. */
  readonly #outside = new Map<string, readonly string[]>()
  #leasesAsOf: number | undefined
  #storeError: OverlayError | undefined

  /**
   * Acquires a lease and makes the drivers hold what this node needs whatever its peers. Rejects, and leaves no
   * driver of the backend open, where that fails; a lease that was acquired is kept for the next try.
   */
  static async join(options: OverlayNodeOptions, signal: AbortSignal): Promise<OverlayNode> {
    const { subnets, backend, drivers, observer } = options
    for (const driver of drivers) {
      const warnings = await driver.preflight?.(backend.requires ?? [], { signal })
      for (const warning of warnings ?? []) observer.warning(warning)
    }
    const config = await subnets.getNetworkConfig({ signal })
    checkBackend(config, backend)
    for (const key of config.unknownKeys) {
      observer.warning(`the network config's key '${key}' means nothing and is passed over: is it mistyped?`)
    }
    const found = options.externalInterface ?? (await findExternalInterface(drivers, { signal }))
    const node = nodeContext(config, found, options)
    for (const warning of backend.warnings?.(node) ?? []) observer.warning(warning)
    const member = new OverlayNode(options, config, node)
    try {
      await member.#begin(signal)
    } catch (error) {
      await disposeAll(member.#backendDrivers)
      throw error
    }
    return member
  }

  private constructor(options: OverlayNodeOptions, config: NetworkConfig, node: NodeContext) {
    const { backend, drivers, observer } = options
    this.config = config
    this.#bounds = new NetworkBounds(config)
    this.#options = options
    this.#node = node
    this.#backendDrivers = backend.drivers?.(node) ?? []
    this.reconciler = new Reconciler({
      drivers: [...drivers, ...this.#backendDrivers],
      clock: options.clock,
      random: options.random,
      resyncIntervalMs: options.resyncIntervalMs,
      scope: () => this.#scope(),
      beforeRead: (abort) => this.#lookAtInterface(abort),
      onSync: (report) => observer.sync(report),
      onDrift: (drift) => observer.drift(drift),
      onError: (error) => observer.error(error),
    })
    this.#keeper = new LeaseKeeper({
      subnets: options.subnets,
      clock: options.clock,
      random: options.random,
      renewMarginMs: options.renewMarginMs,
      attributes: (held) => backend.attributes({ ...this.#node, previous: held }),
      previous: options.previous,
      onEvent: (event) => this.#onOwnLease(event),
      onError: (error) => observer.error(error),
    })
  }

  get lease(): Lease {
    return this.#keeper.lease
  }

  /** The MTU for pods, in bytes. */
  get mtu(): number {
    return this.#options.backend.mtu(this.#node)
  }

  get #context(): LeaseContext {
    const { lease } = this
    // One for all of tens of thousands of peers.
    if (this.#lastContext?.lease !== lease) this.#lastContext = { ...this.#node, lease }
    return this.#lastContext
  }

  get externalInterface(): ExternalInterface {
    return this.#node.externalInterface
  }

  get leases(): ReadonlyMap<string, Lease> {
    return this.#table.leases
  }

  /** When the store last told anything (ms since the epoch), and what keeps it from telling more. */
  get store(): { readonly asOf: number | undefined; readonly error: OverlayError | undefined } {
    return { asOf: this.#leasesAsOf, error: this.#storeError }
  }

  /** Keeps the lease, follows the others' and reconciles, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#keeper.run(signal), this.#follow(signal), this.reconciler.run(signal)])
  }

  /** Call once `run` has returned. */
  async leave(
    { cleanup, release }: { cleanup: boolean; release: boolean },
    options: AbortOptions,
  ): Promise<void> {
    try {
      if (cleanup) await this.reconciler.removeAll(options)
      if (release) await this.#options.subnets.releaseLease(this.lease, options)
    } finally {
      await disposeAll(this.#backendDrivers)
    }
  }

  plan(options: AbortOptions): Promise<readonly Operation[]> {
    return this.reconciler.plan(options)
  }

  async #begin(signal: AbortSignal): Promise<void> {
    await this.#keeper.acquire(signal)
    await this.reconciler.first({ signal })
    const local = new Set(this.reconciler.desired.of(THIS_NODE).map(({ key }) => key))
    const failure = this.reconciler.status.failures.find(({ key }) => local.has(key))
    if (failure !== undefined) throw failure.error
  }

  #onOwnLease(event: LeaseKeeperEvent): void {
    // A lost lease changes nothing in the kernel: traffic goes on while another is acquired.
    if (event.type === 'acquired' || event.type === 'changed') this.#wishAnew()
    this.#options.observer.lease(event)
  }

  /** Asks the backend for everything again: what this node is, or holds, may change what any lease calls for. */
  #wishAnew(): void {
    this.reconciler.desired.set(THIS_NODE, marked(this.#options.backend.local(this.#context), this.#alias))
    for (const [key, lease] of this.#table.leases) this.#wishFor(key, lease, roleOf(lease, this.lease))
  }

  /** Follows everyone's leases. A watch that ends is opened again: no store's fault ends the overlay. */
  async #follow(signal: AbortSignal): Promise<void> {
    const { subnets, clock } = this.#options
    while (!signal.aborted) {
      try {
        for await (const event of subnets.watchLeases({
          signal,
          onError: (error) => this.#onStoreError(error),
          onRecovered: () => this.#onStoreAnswer(),
        })) {
          this.#onLeases(event)
        }
      } catch (error) {
        if (!signal.aborted) this.#onStoreError(error)
      }
      await clock.sleep(REWATCH_DELAY, { signal }).catch(() => undefined)
    }
  }

  #onStoreError(thrown: unknown): void {
    const error = OverlayError.from(
      thrown,
      'STORE_UNAVAILABLE',
      `watching leases in ${this.#options.subnets.name}`,
    )
    if (error.code !== 'INVALID_LEASE') this.#storeError = error
    this.#options.observer.error(error)
  }

  /** What is known of the leases is so now. */
  #onStoreAnswer(): void {
    this.#leasesAsOf = this.#options.clock.now()
    this.#storeError = undefined
  }

  #onLeases(event: LeaseEvent): void {
    this.#onStoreAnswer()
    const own = this.lease
    const ownKey = leaseKey(own)
    for (const change of this.#table.take(event)) {
      const key = leaseKey(change.lease)
      const role = roleOf(change.lease, own)
      this.#wishFor(key, change.type === 'put' ? change.lease : undefined, role)
      if (role === 'peer') this.#options.observer.peer(change)
      if (role === 'taken' && change.type === 'put') this.#keeper.lost()
      if (role === 'own' && change.type === 'put') this.#keeper.observe(change.lease)
      if (key === ownKey && change.type === 'delete') this.#keeper.lost()
    }
    if (event.type === 'snapshot') {
      if (!this.#table.leases.has(ownKey)) this.#keeper.lost()
      this.reconciler.openGate()
    }
  }

  #wishFor(key: string, lease: Lease | undefined, role: LeaseRole): void {
    this.#outside.delete(key)
    this.reconciler.desired.set(key, lease === undefined ? [] : this.#callsFor(key, lease, role))
  }

  /** The resources that one lease calls for. A lease that makes no sense calls for none, and disturbs no other. */
  #callsFor(key: string, lease: Lease, role: LeaseRole): readonly Resource[] {
    if (role !== 'peer') {
      const refused = refusal(lease, role, this.lease)
      if (refused !== undefined) this.#options.observer.error(refused)
      return []
    }
    const outside = this.#bounds.outside(lease)
    if (outside.length > 0) this.#outside.set(key, outside)
    try {
      return marked(this.#options.backend.peer(lease, this.#context), this.#alias)
    } catch (error) {
      this.#options.observer.error(OverlayError.from(error, 'INVALID_LEASE', `lease ${key}`))
      return []
    }
  }

  /** The mark of our links. */
  get #alias(): string {
    return ownershipAlias(networksOf(this.config)[0] ?? '')
  }

  #scope(): OwnershipScope {
    const { previous } = this.#options
    const before = [previous?.network, previous?.ipv6Network].filter((network) => network !== undefined)
    const networks = [...networksOf(this.config), ...before]
    const links = this.reconciler.desired.of(THIS_NODE).filter(isLink)
    return {
      aliases: networks.map(ownershipAlias),
      links: links.map(({ name }) => name),
      networks: [...networks, ...[...this.#outside.values()].flat()],
    }
  }

  /** The external interface's MTU and addresses are part of what is wished: look again before each read. */
  async #lookAtInterface(options: AbortOptions): Promise<void> {
    const { externalInterface: given, drivers, backend, observer } = this.#options
    if (given !== undefined) return
    try {
      const found = await findExternalInterface(drivers, options)
      if (JSON.stringify(found) === JSON.stringify(this.#node.externalInterface)) return
      const node = nodeContext(this.config, found, this.#options)
      const [before, mtu] = [this.mtu, backend.mtu(node)]
      backend.local({ ...node, lease: this.lease }) // throws for an interface that will not do
      this.#node = node
      this.#lastContext = undefined
      this.#wishAnew()
      this.#keeper.republish()
      if (mtu !== before) observer.mtu(mtu)
    } catch (error) {
      if (options.signal?.aborted) throw error
      // It may be on its way back. What was known of it stands until then.
      observer.error(OverlayError.from(error, 'INTERFACE_NOT_FOUND', 'looking at the external interface'))
    }
  }
}

const isLink = (resource: Resource): resource is LinkResource => resource.kind === 'link'

/** A network made for one backend does not work with another: say so before anything is changed. */
function checkBackend({ backend: wanted }: NetworkConfig, { type }: Backend): void {
  if (wanted === undefined || wanted.type === type) return
  throw new OverlayError(
    'INVALID_CONFIG',
    `the network config's Backend.Type is '${wanted.type}', but this overlay is composed with '${type}': compose it with the other backend, or change the config`,
  )
}

/** Disposes of each, whatever the others do, and throws the first failure at the end. */
export async function disposeAll(disposables: readonly AsyncDisposable[]): Promise<void> {
  const results = await Promise.allSettled(disposables.map((disposable) => disposable[Symbol.asyncDispose]()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
