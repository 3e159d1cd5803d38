import type { Backend } from '../contract/backend.js'
import type { Driver, Operation } from '../contract/driver.js'
import type { ExternalInterface } from '../contract/node-context.js'
import type { SubnetManager } from '../contract/subnet-manager.js'
import type { Lease } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { formatSubnetEnv, type SubnetEnv } from '../lease/subnet-env.js'
import type { Drift } from '../reconciler/delta-tracker.js'
import type { ReconcilerStatus } from '../reconciler/reconciler.js'
import type { SyncReport } from '../reconciler/sync-tally.js'
import type { AbortOptions } from '../util/abort.js'
import { type Clock, type Random, systemClock } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import { EventStream } from './event-stream.js'
import { GuardedEmitter } from './events.js'
import type { LeaseKeeperEvent } from './lease-keeper.js'
import type { PeerEvent } from './lease-table.js'
import { disposeAll, OverlayNode } from './node.js'

export interface OverlayOptions {
  /** Where leases come from. The overlay disposes of it when it stops. */
  readonly subnets: SubnetManager
  readonly backend: Backend
  /** What holds the resources: one driver for each kind. The overlay disposes of them when it stops. */
  readonly drivers: readonly Driver[]
  /** The interface that packets to peers leave by. Default: what the first driver that can find one finds. */
  readonly externalInterface?: ExternalInterface | undefined
  /** The address at which peers reach this node. Default: the external interface's. */
  readonly publicIp?: string | undefined
  readonly publicIpv6?: string | undefined
  /**
   * What this node's subnet.env said before this start: what `readSubnetEnv` gives. Its subnets are taken again where
   * they are free, and what an earlier run left of its networks on this host is removed.
   */
  readonly previous?: Partial<SubnetEnv> | undefined
  /** How long before its end the lease is renewed, in ms. Default 3,600,000: flannel's 60 minutes. */
  readonly renewMarginMs?: number | undefined
  /** How often everything is read again though nothing seems to have changed, in ms. Default 60,000. */
  readonly resyncIntervalMs?: number | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

export type OverlayState = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped'

/** For health checks and metrics. */
export interface OverlayStatus extends ReconcilerStatus {
  readonly state: OverlayState
  /** Leases in the store, this node's own among them. */
  readonly leases: number
  /** When the store last told anything, in ms since the epoch. */
  readonly leasesAsOf: number | undefined
  /** What keeps the store from telling more; undefined while it is well. */
  readonly storeError: OverlayError | undefined
}

export interface OverlayEvents {
  /** This node's own lease. `changed` calls for a new subnet.env. */
  lease: [LeaseKeeperEvent]
  /** A peer came, changed or went. */
  peer: [PeerEvent]
  /** A round of writes has ended. */
  sync: [SyncReport]
  /** Somebody else changed what is ours; it is being repaired. */
  drift: [readonly Drift[]]
  /** The MTU for pods changed with that of the external interface: calls for a new subnet.env. */
  mtu: [number]
  /** Something failed and is being retried, or was passed over. */
  error: [OverlayError]
  /** Something works, but not as well as it could, or looks mistaken. */
  warning: [string]
  status: [OverlayState]
}

export interface StopOptions extends AbortOptions {
  /** Remove all that is ours from the drivers. Default false: traffic goes on flowing. */
  readonly cleanup?: boolean | undefined
  /**
   * Give the lease back: for a node that leaves for good. Default false: a node that returns finds it again. A
   * reservation is let be.
   */
  readonly release?: boolean | undefined
}

const DEFAULT_RENEW_MARGIN = 60 * 60_000
const DEFAULT_RESYNC_INTERVAL = 60_000

/** Composes an overlay. Nothing happens until `start`. */
export function createOverlay(options: OverlayOptions): Overlay {
  return new Overlay(options)
}

/**
 * One node's part in one network: it holds a lease, and keeps the drivers holding what all leases together call for.
 * Several may live in one process, each with a network of its own.
 */
export class Overlay extends GuardedEmitter<OverlayEvents> implements AsyncDisposable {
  readonly #options: OverlayOptions
  readonly #abort = new AbortController()
  #state: OverlayState = 'idle'
  #member: OverlayNode | undefined
  #lease: Lease | undefined
  #starting: Promise<void> | undefined
  #running: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  readonly #streams = new Set<{ end(): void }>()

  constructor(options: OverlayOptions) {
    super()
    this.#options = options
  }

  /** This node's lease. Throws a TypeError before there is one: before `start` has resolved, or the first `lease`. */
  get lease(): Lease {
    if (this.#lease === undefined) throw new TypeError('there is no lease yet: start() has not resolved')
    return this.#lease
  }

  /** The MTU for pods, in bytes. Throws a TypeError before `start` has resolved. */
  get mtu(): number {
    return this.#joined.mtu
  }

  /** The network's config. Throws a TypeError before `start` has resolved. */
  get config(): NetworkConfig {
    return this.#joined.config
  }

  /** The interface that packets to peers leave by. Throws a TypeError before `start` has resolved. */
  get externalInterface(): ExternalInterface {
    return this.#joined.externalInterface
  }

  /** Every lease in the store, by its key, as last told. Empty before `start` has resolved. */
  get leases(): ReadonlyMap<string, Lease> {
    return this.#member?.leases ?? new Map()
  }

  get status(): OverlayStatus {
    const { asOf, error } = this.#member?.store ?? {}
    const held = this.#member?.reconciler.status ?? { inSync: false, desired: 0, actual: 0, failures: [] }
    return { state: this.#state, leases: this.leases.size, leasesAsOf: asOf, storeError: error, ...held }
  }

  /**
   * Acquires a lease and makes the drivers hold what this node needs whatever its peers, then returns and follows the
   * peers in the background; `whenInSync` waits for these. The signal aborts the start alone.
   *
   * Where it rejects, what it had begun is undone, and it may be called again; a lease that it had acquired stays this
   * node's. Privileges and kernel features that are missing are found first (`ACCESS_DENIED`, `UNSUPPORTED`).
   */
  async start({ signal }: AbortOptions = {}): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') {
      throw new OverlayError('CLOSED', 'this overlay was stopped: create another')
    }
    if (this.#state !== 'idle') throw new TypeError('start() was called before, and once is enough')
    this.#enter('starting')
    const either = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal])
    this.#starting = this.#join(either)
    await this.#starting
  }

  /**
   * Stops. By default what the drivers hold stays, so that traffic goes on flowing, and the lease stays this node's
   * until it ends. Disposes of the store and the drivers. Calling it again waits for the same end.
   */
  stop(options: StopOptions = {}): Promise<void> {
    this.#stopping ??= this.#stop(options)
    return this.#stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /**
   * Resolves once the drivers hold what all known leases call for, and nothing else of ours, as far as this overlay
   * has heard: the kernel may not have told of somebody's change of a moment ago. `resync` looks for itself.
   */
  async whenInSync(options: AbortOptions = {}): Promise<void> {
    const { signal } = options
    const either = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal])
    await this.#joined.reconciler.whenInSync({ signal: either })
  }

  /** Reads everything again now, rather than at the next notification or timer; resolves once in sync. */
  resync(options: AbortOptions = {}): Promise<void> {
    this.#joined.reconciler.resync()
    const inSync = this.whenInSync(options)
    inSync.catch(() => undefined) // to ask for a look and not to wait for it is no mistake
    return inSync
  }

  /** Reads everything and tells what would be written now, in order; changes nothing. */
  async plan(options: AbortOptions = {}): Promise<readonly Operation[]> {
    return this.#joined.plan(options)
  }

  /** The text of a subnet.env for this node. */
  subnetEnv({ ipMasq }: { readonly ipMasq: boolean }): string {
    return formatSubnetEnv(this.config, { ...this.lease, mtu: this.mtu, ipMasq })
  }

  /**
   * The events of one name from this call on, one by one: the same as `on`, as an async iterable. It ends without an
   * error once the signal aborts or the overlay has stopped. Up to 131,072 events wait for a consumer that is
   * slower than they come; one more, and the iteration fails with `EVENTS_LOST`.
   */
  watch<Name extends keyof OverlayEvents>(
    name: Name,
    { signal }: AbortOptions = {},
  ): AsyncIterableIterator<OverlayEvents[Name][0], undefined> {
    const listener = (...[event]: OverlayEvents[Name]): void => stream.push(event)
    const close = (): void => stream.close()
    const stream = new EventStream<OverlayEvents[Name][0]>(() => {
      this.off(name, listener)
      this.#streams.delete(stream)
      signal?.removeEventListener('abort', close)
    })
    if (this.#state === 'stopped' || signal?.aborted) {
      stream.close()
      return stream
    }
    this.on(name, listener)
    this.#streams.add(stream)
    signal?.addEventListener('abort', close, { once: true })
    return stream
  }

  get #joined(): OverlayNode {
    if (this.#member === undefined) throw new TypeError('start() has not resolved yet')
    return this.#member
  }

  async #join(signal: AbortSignal): Promise<void> {
    const options = this.#options
    try {
      this.#member = await OverlayNode.join(
        {
          subnets: options.subnets,
          backend: options.backend,
          drivers: options.drivers,
          externalInterface: options.externalInterface,
          publicIp: options.publicIp,
          publicIpv6: options.publicIpv6,
          previous: options.previous,
          renewMarginMs: options.renewMarginMs ?? DEFAULT_RENEW_MARGIN,
          resyncIntervalMs: options.resyncIntervalMs ?? DEFAULT_RESYNC_INTERVAL,
          clock: options.clock ?? systemClock,
          random: options.random ?? Math.random,
          observer: {
            lease: (event) => {
              this.#lease = event.lease
              this.emit('lease', event)
            },
            peer: (event) => this.emit('peer', event),
            sync: (report) => this.emit('sync', report),
            drift: (drift) => this.emit('drift', drift),
            mtu: (mtu) => this.emit('mtu', mtu),
            error: (error) => this.emit('error', error),
            warning: (text) => this.emit('warning', text),
          },
        },
        signal,
      )
    } catch (error) {
      if (this.#state === 'starting') this.#enter('idle')
      throw error
    }
    this.#running = this.#member.run(this.#abort.signal)
    if (this.#state === 'starting') this.#enter('running')
  }

  async #stop({ cleanup = false, release = false, signal }: StopOptions): Promise<void> {
    this.#enter('stopping')
    this.#abort.abort(new OverlayError('CLOSED', 'this overlay was stopped'))
    await this.#starting?.catch(() => undefined) // start() tells its caller
    await this.#running
    try {
      await this.#member?.leave({ cleanup, release }, { signal })
    } finally {
      await disposeAll([...this.#options.drivers, this.#options.subnets]).finally(() =>
        this.#enter('stopped'),
      )
    }
  }

  #enter(state: OverlayState): void {
    this.#state = state
    this.emit('status', state)
    if (state === 'stopped') for (const stream of this.#streams) stream.end()
  }
}
