import type { Operation } from '../contract/driver.js'
import type { ExternalInterface, NodeContext } from '../contract/node-context.js'
import type { Resource } from '../contract/resource.js'
import type { DriverTraffic } from '../contract/traffic.js'
import type { Lease } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { formatSubnetEnv } from '../lease/subnet-env.js'
import type { AbortOptions } from '../util/abort.js'
import { EventStreams } from './event-streams.js'
import { GuardedEmitter } from './events.js'
import type { Inspection } from './inspection.js'
import { Lifecycle } from './lifecycle.js'
import type { OverlayNode } from './node.js'
import { type OverlayOptions, requireOptions, type StartOptions, type StopOptions } from './options.js'
import { EVENT_NAMES, type OverlayEvents, type OverlayStatus } from './reports.js'

/**
 * Composes an overlay. Nothing happens until `start`. Throws a TypeError that says which option is missing,
 * does not exist or is of another type.
 */
export function createOverlay(options: OverlayOptions): Overlay {
  return new Overlay(options)
}

/**
 * One node's part in one network: it holds a lease, and keeps the drivers holding what all leases together call for.
 * Several may live in one process, each with a network of its own.
 */
export class Overlay extends GuardedEmitter<OverlayEvents> implements AsyncDisposable {
  readonly #lifecycle: Lifecycle
  readonly #streams: EventStreams

  constructor(options: OverlayOptions) {
    super(EVENT_NAMES)
    this.#lifecycle = new Lifecycle(requireOptions(options), this)
    this.#streams = new EventStreams(this)
  }

  /** This node's lease. Throws a TypeError before there is one: before `start` has resolved, or the first `lease`. */
  get lease(): Lease {
    const { lease } = this.#lifecycle
    if (lease === undefined) throw this.#notYet('lease')
    return lease
  }

  /** The MTU for pods, in bytes. Throws a TypeError before `start` has resolved, or the first `joined`. */
  get mtu(): number {
    return this.#joined.mtu
  }

  /** The network's config. Throws a TypeError before `start` has resolved. */
  get config(): NetworkConfig {
    return this.#joined.config
  }

  /** The interface that packets to peers leave by. Throws a TypeError before `start` has resolved. */
  get externalInterface(): ExternalInterface {
    return this.#joined.facts.externalInterface
  }

  /** What this node goes by, and where each fact came from. Throws a TypeError before `start` has resolved. */
  get node(): NodeContext {
    return this.#joined.facts
  }

  /** Every lease in the store, by its key, as it was last heard of. Empty before `start` has resolved. */
  get leases(): ReadonlyMap<string, Lease> {
    return this.#lifecycle.node?.leases ?? new Map()
  }

  /**
   * What the lease of this key (`leaseKey`) requires here, as desired. Empty for one that no resources are made for, such as
   * a refused one, and before `start` has resolved.
   */
  resourcesOf(key: string): readonly Resource[] {
    return this.#lifecycle.node?.reconciler.desired.of(key) ?? []
  }

  /** The keys of the leases that require the resource of this key, which a `drift` or a failure names. */
  ownersOf(key: string): Iterable<string> {
    return this.#lifecycle.node?.reconciler.desired.ownersOf(key) ?? []
  }

  /**
   * What it is doing and how well, for health checks and metrics. It costs next to nothing, and may be asked at any
   * time.
   */
  get status(): OverlayStatus {
    const { state, waitingFor, node } = this.#lifecycle
    const { asOf, error } = node?.watch ?? {}
    const written = node?.reconciler.status ?? { inSync: false, desired: 0, actual: 0, failures: [] }
    return {
      state,
      waitingFor,
      awaitsUplink: node?.awaitsUplink,
      leases: this.leases.size,
      leasesAsOf: asOf,
      storeError: error,
      configError: node?.storedConfig.error,
      configAsOf: node?.storedConfig.asOf,
      ...written,
    }
  }

  /** What those of its drivers have carried that move packets themselves. Empty before `start` has resolved. */
  get traffic(): readonly DriverTraffic[] {
    return this.#lifecycle.node?.reconciler.traffic ?? []
  }

  /**
   * Acquires a lease, makes the drivers hold what this node needs whatever its peers, and waits for the store's first
   * list of leases; then returns, and follows the peers in the background. `whenInSync` waits until the drivers hold
   * what the leases call for. The signal aborts the start alone.
   *
   * If it rejects, what it had begun is undone, and it may be called again; a lease that it had acquired stays this
   * node's. Missing rights and kernel features are found first (`ACCESS_DENIED`, `UNSUPPORTED`).
   */
  start(options: StartOptions = {}): Promise<void> {
    return this.#lifecycle.start(options)
  }

  /**
   * Stops. By default what the drivers hold stays, so that traffic goes on flowing, and the lease stays this node's
   * until it ends. Disposes of the store and the drivers. Calling it again waits for the same end.
   */
  stop(options: StopOptions = {}): Promise<void> {
    return this.#lifecycle.stop(options).finally(() => this.#streams.end())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /**
   * Resolves once the drivers hold what all known leases call for, and nothing else of ours, as far as this overlay
   * has heard: the kernel may not have notified it of a change of a moment ago. `resync` looks for itself.
   */
  async whenInSync({ signal }: AbortOptions = {}): Promise<void> {
    const end = this.#lifecycle.orStopped(signal)
    for (;;) {
      const node = this.#joined
      try {
        return await node.reconciler.whenInSync({ signal: AbortSignal.any([end, node.left]) })
      } catch (error) {
        end.throwIfAborted()
        if (!node.left.aborted) throw error
        await this.#lifecycle.whenStarted(end) // restarts
      }
    }
  }

  /** Reads everything again now, rather than at the next notification or timer; resolves once in sync. */
  resync(options: AbortOptions = {}): Promise<void> {
    this.#joined.reconciler.resync()
    const inSync = this.whenInSync(options)
    inSync.catch(() => undefined) // to ask for a look and not to wait for it is no mistake
    return inSync
  }

  /** Reads everything and returns what would be written now, in order; changes nothing. */
  async plan(options: AbortOptions = {}): Promise<readonly Operation[]> {
    return this.#joined.plan(options)
  }

  /** Reads everything and returns what is desired, for which leases, and what of it is not held; changes nothing. */
  async inspect(options: AbortOptions = {}): Promise<Inspection> {
    return this.#joined.inspect(options)
  }

  /** The text of a subnet.env for this node. Throws a TypeError before `start` has resolved, or the first `joined`. */
  subnetEnv({ ipMasq }: { readonly ipMasq: boolean }): string {
    return formatSubnetEnv(this.config, { ...this.lease, mtu: this.mtu, ipMasq })
  }

  /**
   * The events of one name from this call on, one by one: the same as `on`, as an async iterable. It ends without an
   * error once the signal aborts or the overlay has stopped. Up to 131,072 events wait for a consumer that is slower
   * than they come; one more, and the iteration fails with `EVENTS_LOST`.
   */
  watch<Name extends keyof OverlayEvents>(
    name: Name,
    options: AbortOptions = {},
  ): AsyncIterableIterator<OverlayEvents[Name][0]> {
    this.requireEvent(name)
    return this.#streams.open(name, options)
  }

  get #joined(): OverlayNode {
    const { node } = this.#lifecycle
    if (node === undefined) throw this.#notYet('node')
    return node
  }

  /** Why something that a start brings is not there. */
  #notYet(what: string): TypeError {
    switch (this.#lifecycle.state) {
      case 'idle':
        return new TypeError(`there is no ${what} yet: call start(), and wait for it`)
      case 'stopping':
      case 'stopped':
        return new TypeError(`there is no ${what}: this overlay was stopped before it had one`)
      default:
        return new TypeError(`there is no ${what} yet: start() has not resolved`)
    }
  }
}
