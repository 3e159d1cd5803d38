import type { Operation } from '../contract/driver.js'
import type { ExternalInterface, NodeContext } from '../contract/node-context.js'
import type { Lease } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { formatSubnetEnv } from '../lease/subnet-env.js'
import { type AbortOptions, unlessAborted } from '../util/abort.js'
import { systemClock } from '../util/clock.js'
import { disposeAll } from '../util/dispose.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { backoffDelay } from '../util/retry.js'
import { EventStream } from './event-stream.js'
import { GuardedEmitter } from './events.js'
import { OverlayNode } from './node.js'
import type { FormerNode, OverlayNodeObserver } from './node-options.js'
import {
  type ComposedOptions,
  type OverlayOptions,
  requireOptions,
  type StartOptions,
  type StopOptions,
} from './options.js'
import type { OverlayEvents, OverlayState, OverlayStatus } from './reports.js'

/** flannel renews a lease 60 minutes before its end. */
const DEFAULT_RENEW_MARGIN_MS = 60 * 60_000
const DEFAULT_RESYNC_INTERVAL_MS = 60_000

/** A start that fails is tried again after 1 to 30 s. */
const START_BACKOFF = { firstMs: 1_000, maxMs: 30_000 }

/** Composes an overlay. Nothing happens until `start`. Throws a TypeError that says which option is missing. */
export function createOverlay(options: OverlayOptions): Overlay {
  return new Overlay(options)
}

/**
 * One node's part in one network: it holds a lease, and keeps the drivers holding what all leases together call for.
 * Several may live in one process, each with a network of its own.
 */
export class Overlay extends GuardedEmitter<OverlayEvents> implements AsyncDisposable {
  readonly #options: ComposedOptions
  readonly #abort = new AbortController()
  readonly #streams = new Set<{ end(): void }>()
  #state: OverlayState = 'idle'
  #waitingFor: string | undefined
  #node: OverlayNode | undefined
  #lease: Lease | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(options: OverlayOptions) {
    super()
    this.#options = requireOptions(options)
  }

  /** This node's lease. Throws a TypeError before there is one: before `start` has resolved, or the first `lease`. */
  get lease(): Lease {
    if (this.#lease === undefined) throw new TypeError('there is no lease yet: start() has not resolved')
    return this.#lease
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
    return this.#node?.leases ?? new Map()
  }

  get status(): OverlayStatus {
    const { asOf, error } = this.#node?.watch ?? {}
    const written = this.#node?.reconciler.status ?? { inSync: false, desired: 0, actual: 0, failures: [] }
    return {
      state: this.#state,
      waitingFor: this.#waitingFor,
      leases: this.leases.size,
      leasesAsOf: asOf,
      storeError: error,
      ...written,
    }
  }

  /**
   * Acquires a lease, makes the drivers hold what this node needs whatever its peers, and waits for the store's first
   * list of leases; then returns, and follows the peers in the background. `whenInSync` waits until the drivers hold
   * what the leases call for. The signal aborts the start alone.
   *
   * If it rejects, what it had begun is undone, and it may be called again; a lease that it had acquired stays this
   * node's. Missing rights and kernel features are found first (`ACCESS_DENIED`, `UNSUPPORTED`).
   */
  async start({ signal, retry = false }: StartOptions = {}): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') {
      throw new OverlayError('CLOSED', 'this overlay was stopped: create another')
    }
    if (this.#state !== 'idle') throw new TypeError('start() was called before, and once is enough')
    this.#enter('starting')
    this.#starting = this.#start(this.#orStopped(signal), retry)
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
   * has heard: the kernel may not have notified it of a change of a moment ago. `resync` looks for itself.
   */
  async whenInSync({ signal }: AbortOptions = {}): Promise<void> {
    const end = this.#orStopped(signal)
    for (;;) {
      const node = this.#joined
      try {
        return await node.reconciler.whenInSync({ signal: AbortSignal.any([end, node.left]) })
      } catch (error) {
        end.throwIfAborted()
        if (!node.left.aborted) throw error
        await unlessAborted(this.#starting, end) // restarts
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
    if (this.#node === undefined) throw new TypeError('start() has not resolved yet')
    return this.#node
  }

  #orStopped(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal])
  }

  async #start(signal: AbortSignal, retry: boolean): Promise<void> {
    try {
      await this.#join(signal, (error) => retry && mayPass(error))
    } catch (error) {
      if (this.#state === 'starting') this.#enter('idle')
      throw error
    } finally {
      this.#waitingFor = undefined
    }
    this.#run()
  }

  #run(): void {
    if (this.#state === 'starting') this.#enter('running')
    this.#restartIfOutdated()
  }

  #restartIfOutdated(): void {
    if (this.#state !== 'running' || this.#node?.isOutdated !== true) return
    this.#starting = this.#restart(this.#node).catch(() => undefined) // it rejects only when it is stopped
  }

  /** Leaves, and joins by the config that the store has now, for as long as that takes. */
  async #restart(node: OverlayNode): Promise<void> {
    this.#enter('starting')
    await node.leave().catch((failure) => this.emit('error', notLeft(failure)))
    await this.#join(this.#abort.signal, () => true, node.former)
    this.#waitingFor = undefined
    this.#run()
  }

  async #join(
    signal: AbortSignal,
    mayPass: (error: OverlayError) => boolean,
    former?: FormerNode,
  ): Promise<void> {
    const { clock = systemClock, random = Math.random } = this.#options
    const observer = this.#observer()
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await this.#tryToJoin(observer, signal, former)
      } catch (thrown) {
        signal.throwIfAborted()
        if (former === undefined && !isOverlayError(thrown)) throw thrown
        const error = OverlayError.from(thrown, 'INTERNAL', 'joining the network')
        if (!mayPass(error)) throw error
        const delayMs = backoffDelay(attempts, START_BACKOFF, random)
        this.emit('error', error)
        this.emit('retry', { attempts, error, delayMs })
        await clock.sleep(delayMs, { signal })
      }
    }
  }

  async #tryToJoin(
    observer: OverlayNodeObserver,
    signal: AbortSignal,
    former: FormerNode | undefined,
  ): Promise<void> {
    const options = this.#options
    const node = await OverlayNode.prepare(
      {
        subnets: options.subnets,
        backends: options.choice,
        drivers: options.drivers,
        externalInterface: options.externalInterface,
        publicIp: options.publicIp,
        publicIpv6: options.publicIpv6,
        previous: options.previous,
        former,
        renewMarginMs: options.renewMarginMs ?? DEFAULT_RENEW_MARGIN_MS,
        resyncIntervalMs: options.resyncIntervalMs ?? DEFAULT_RESYNC_INTERVAL_MS,
        clock: options.clock ?? systemClock,
        random: options.random ?? Math.random,
        observer,
      },
      signal,
    )
    const before = this.#node
    this.#node = node
    try {
      await node.join(signal)
    } catch (error) {
      this.#node = before
      await node.leave().catch((failure) => this.emit('error', notLeft(failure)))
      throw error
    }
  }

  #observer(): OverlayNodeObserver {
    // Each try of a start finds again what the one before warned of.
    const warnings = new Set<string>()
    return {
      lease: (event) => {
        this.#lease = event.lease
        this.emit('lease', event)
      },
      peer: (event) => this.emit('peer', event),
      sync: (report) => this.emit('sync', report),
      drift: (drift) => this.emit('drift', drift),
      config: (event) => this.emit('config', event),
      mtu: (mtu) => this.emit('mtu', mtu),
      error: (error) => this.emit('error', error),
      warning: (text) => {
        if (this.#state === 'starting' && warnings.has(text)) return
        warnings.add(text)
        this.emit('warning', text)
      },
      waiting: (what) => {
        this.#waitingFor = what
        this.emit('waiting', what)
      },
      joined: () => this.emit('joined'),
      outdated: () => this.#restartIfOutdated(),
    }
  }

  async #stop({ cleanup = false, release = false, signal }: StopOptions): Promise<void> {
    this.#enter('stopping')
    this.#abort.abort(new OverlayError('CLOSED', 'this overlay was stopped'))
    await this.#starting?.catch(() => undefined) // start() has rejected with it
    try {
      await this.#node?.leave({ cleanup, release, signal })
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

const notLeft = (failure: unknown): OverlayError =>
  OverlayError.from(failure, 'INTERNAL', 'undoing a start that failed')

/**
 * Whether trying again may help. Not if the kernel lacks something or refuses this process, which an administrator has
 * to change.
 */
function mayPass({ code, errno }: OverlayError): boolean {
  return code !== 'UNSUPPORTED' && code !== 'CLOSED' && !(code === 'ACCESS_DENIED' && errno !== undefined)
}
