import type { Lease } from '../lease/lease.js'
import { unlessAborted } from '../util/abort.js'
import { type Clock, systemClock } from '../util/clock.js'
import { disposeAll } from '../util/dispose.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { backoffDelay } from '../util/retry.js'
import { delayRetry } from './delay-retry.js'
import type { GuardedEmitter } from './events.js'
import { OverlayNode } from './node.js'
import type { FormerNode, OverlayNodeObserver } from './node-options.js'
import type { ComposedOptions, StartOptions, StopOptions } from './options.js'
import type { OverlayEvents, OverlayState } from './reports.js'

/** flannel renews a lease 60 minutes before its end. */
const DEFAULT_RENEW_MARGIN_MS = 60 * 60_000
const DEFAULT_RESYNC_INTERVAL_MS = 60_000

/** A start that fails is tried again after 0.5 to 30 s, or once an uplink comes. */
const START_BACKOFF = { firstMs: 1_000, maxMs: 30_000 }

/**
 * An overlay's way from `idle` to `stopped`: it has a node join, tries again if that fails, and once the node's network
 * is another one has the next node take its place.
 */
export class Lifecycle {
  readonly #options: ComposedOptions
  readonly #emitter: GuardedEmitter<OverlayEvents>
  readonly #abort = new AbortController()
  #state: OverlayState = 'idle'
  #waitingFor: string | undefined
  #node: OverlayNode | undefined
  #lease: Lease | undefined
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  /** @param emitter what happens is reported by its events */
  constructor(options: ComposedOptions, emitter: GuardedEmitter<OverlayEvents>) {
    this.#options = options
    this.#emitter = emitter
  }

  get state(): OverlayState {
    return this.#state
  }

  /** What a start waits for; undefined if none is under way. */
  get waitingFor(): string | undefined {
    return this.#waitingFor
  }

  /** The node that has joined, or is joining. */
  get node(): OverlayNode | undefined {
    return this.#node
  }

  /** The lease as last acquired or renewed, by whichever node. */
  get lease(): Lease | undefined {
    return this.#lease
  }

  /** Aborts once the overlay is stopped, or with `signal`. */
  orStopped(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal])
  }

  async start({ signal, retry = false }: StartOptions): Promise<void> {
    if (this.#state === 'stopping' || this.#state === 'stopped') {
      throw new OverlayError('CLOSED', 'this overlay was stopped: create another')
    }
    if (this.#state !== 'idle') throw new TypeError('an overlay is started once: start() was called before')
    this.#enter('starting')
    this.#starting = this.#start(this.orStopped(signal), retry)
    await this.#starting
  }

  /** Resolves once a start or a restart that is under way has ended. */
  async whenStarted(signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#starting, signal)
  }

  stop(options: StopOptions): Promise<void> {
    this.#stopping ??= this.#stop(options)
    return this.#stopping
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
    await node.leave().catch((failure) => this.#emitter.emit('error', notLeft(failure)))
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
        const delayMs = Math.round(backoffDelay(attempts, START_BACKOFF, random))
        this.#emitter.emit('error', error)
        this.#emitter.emit('retry', { attempts, error, delayMs })
        await this.#delayRetry(delayMs, clock, signal)
      }
    }
  }

  async #delayRetry(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
    const { drivers, externalInterface } = this.#options
    if (externalInterface !== undefined) return clock.sleep(delayMs, { signal })
    await delayRetry({ delayMs, drivers, clock, signal })
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
        parts: options.parts ?? [],
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
      await node.leave().catch((failure) => this.#emitter.emit('error', notLeft(failure)))
      throw error
    }
  }

  #observer(): OverlayNodeObserver {
    const emitter = this.#emitter
    // Each try of a start finds again what the one before warned of.
    const warnings = new Set<string>()
    return {
      lease: (event) => {
        this.#lease = event.lease
        emitter.emit('lease', event)
      },
      peer: (event) => emitter.emit('peer', event),
      sync: (report) => emitter.emit('sync', report),
      drift: (drift) => emitter.emit('drift', drift),
      config: (event) => emitter.emit('config', event),
      mtu: (mtu) => emitter.emit('mtu', mtu),
      uplink: (event) => emitter.emit('uplink', event),
      store: (event) => emitter.emit('store', event),
      error: (error) => emitter.emit('error', error),
      recovered: (error) => emitter.emit('recovered', error),
      warning: (text) => {
        if (this.#state === 'starting' && warnings.has(text)) return
        warnings.add(text)
        emitter.emit('warning', text)
      },
      waiting: (what, why) => {
        this.#waitingFor = what
        if (why === undefined) emitter.emit('waiting', what)
        else emitter.emit('waiting', what, why)
      },
      joined: () => emitter.emit('joined'),
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
    this.#emitter.emit('status', state)
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
