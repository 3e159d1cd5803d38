import type { LeaseContext } from '../contract/node-context.js'
import type { LeaseEvent, SubnetManager } from '../contract/subnet-manager.js'
import { type Lease, leaseKey } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { Clock } from '../util/clock.js'
import { Wakeup } from '../util/wakeup.js'
import { LeaseTable } from './lease-table.js'
import { LeaseWatch } from './lease-watch.js'
import { PeerResources, type PeerResourcesOptions } from './peer-resources.js'
import type { StoreEvent } from './reports.js'

export interface LeaseFollowerOptions extends PeerResourcesOptions {
  readonly subnets: SubnetManager
  readonly clock: Clock
  /** This node, and the lease that it holds now. */
  readonly context: () => LeaseContext
  /** The store shows what it has under the key of this node's own lease: undefined if nothing. */
  readonly onOwn: (lease: Lease | undefined) => void
  /** A list of every lease was taken in: every peer is known. */
  readonly onListed: () => void
  /** The host or the store's addresses are others than before: routes may cut the store off by now. */
  readonly onSurroundings: () => void
  readonly onWarning: (text: string) => void
  readonly onStore: (event: StoreEvent) => void
}

/** While the store is unavailable, its addresses are looked at this often: a name may resolve to another one by now. */
const LOOK_INTERVAL_MS = 1_000

/**
 * Everyone's leases, from the store to the desired state: `LeaseWatch` hears of one, `LeaseTable` knows whether anything
 * in it is new, and `PeerResources` asks the backend what it calls for.
 */
export class LeaseFollower {
  readonly #options: LeaseFollowerOptions
  readonly #watch: LeaseWatch
  readonly #failed = new Wakeup()
  readonly #table = new LeaseTable()
  readonly #peers: PeerResources

  constructor(options: LeaseFollowerOptions) {
    const { subnets, clock, onError } = options
    this.#options = options
    this.#peers = new PeerResources(options)
    this.#watch = new LeaseWatch({
      subnets,
      clock,
      onEvent: (event) => this.#take(event),
      onError,
      onStore: (event) => {
        options.onStore(event)
        if (event.type === 'away') this.#failed.wake()
      },
    })
  }

  /** Every lease in the store, by its key, as it was last heard of. */
  get leases(): ReadonlyMap<string, Lease> {
    return this.#table.leases
  }

  /** How well the store is heard. */
  get watch(): Pick<LeaseWatch, 'asOf' | 'error'> {
    return this.#watch
  }

  /** The peers' subnets that lie outside the network as this node knows it. */
  get outside(): readonly string[] {
    return this.#peers.outside
  }

  /** Follows the leases until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#watch.run(signal), this.#watchStore(signal)])
  }

  /** See `LeaseWatch.whenListed`. */
  whenListed(signal: AbortSignal): Promise<void> {
    return this.#watch.whenListed(signal)
  }

  /** Drops leases that the store lost long enough ago. */
  expire(): void {
    const { clock, context } = this.#options
    this.#peers.update(this.#table.expire(clock.monotonic()), context())
  }

  /** Decides again if the host's network or the addresses of the store are others now. */
  refresh(): void {
    this.#peers.refresh(this.#options.context())
  }

  /** Asks the backend for everything again: what this node is, or holds, may change what any lease calls for. */
  recompute(): void {
    this.#peers.recompute(this.#table.leases.values(), this.#options.context())
  }

  /** The config that the store holds now: leases inside its networks are admitted as well. */
  setStoreConfig(config: NetworkConfig): void {
    this.#peers.setStoreConfig(config, this.#options.context())
  }

  async #watchStore(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const delayMs = this.#watch.error === undefined ? Number.POSITIVE_INFINITY : LOOK_INTERVAL_MS
      await this.#failed.sleep(delayMs, this.#options.clock, signal).catch(() => undefined)
      if (!signal.aborted && this.#watch.error !== undefined) this.#lookAtStore()
    }
  }

  /** It may have been cut off by a lease that covers an address of its own that is known only now. */
  #lookAtStore(): void {
    const { context, onSurroundings } = this.#options
    if (this.#peers.refresh(context())) onSurroundings()
  }

  #take(event: LeaseEvent): void {
    const { clock, context } = this.#options
    const isSnapshot = event.type === 'snapshot'
    const changes = this.#table.take(event, clock.monotonic(), context().lease.attributes)
    this.#peers.update(changes, context())
    if (isSnapshot && event.storeWasReset === true && this.#table.forgotten > 0) this.#warnOfReset()
    this.#checkOwn(event)
    if (isSnapshot) this.#options.onListed()
  }

  /** Whether our own lease is still among all, and still says what we published. */
  #checkOwn(event: LeaseEvent): void {
    const { context, onOwn } = this.#options
    const ownKey = leaseKey(context().lease)
    if (event.type === 'snapshot') onOwn(this.#table.leases.get(ownKey))
    else if (leaseKey(event.lease) === ownKey) onOwn(event.type === 'put' ? event.lease : undefined)
  }

  #warnOfReset(): void {
    const { subnets, onWarning } = this.#options
    onWarning(
      `${subnets.name} has lost its memory: it was wiped, replaced or restored from a backup, or its network config is ` +
        `gone. Leases of other nodes that it no longer has (${this.#table.forgotten}) are kept for up to 24 hours, until ` +
        'their nodes publish them again or another node gets their subnet',
    )
  }
}
