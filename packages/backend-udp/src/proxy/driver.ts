import {
  type Driver,
  type DriverEvent,
  type Operation,
  type OperationResult,
  OverlayError,
  type Traffic,
} from '@selvedge/core'
import { systemClock, Wakeup } from '@selvedge/core/kit'
import type { UdpPeerResource, UdpProxyResource, UdpResource } from '../resource.js'
import { ProxyCounters, trafficOf } from './counters.js'
import { ProxyThread } from './thread.js'

export interface UdpDriverOptions {
  readonly namespace?: string | undefined
  readonly counters?: ProxyCounters | undefined
}

const SUCCESS: OperationResult = { ok: true }

/**
 * The driver of `udp-proxy` and `udp-peer`: a thread that moves packets between a TUN device and UDP. The Linux driver
 * makes the device, which outlives the thread, so that an agent that restarts finds its routes in place.
 */
export class UdpDriver implements Driver<UdpResource> {
  readonly name = 'udp'
  readonly kinds = ['udp-proxy', 'udp-peer'] as const
  readonly #namespace: string | undefined
  readonly #counters: ProxyCounters
  #thread: ProxyThread | undefined
  /** What the thread was given. */
  #proxy: UdpProxyResource | undefined
  readonly #peers = new Map<string, UdpPeerResource>()
  readonly #changed = new Wakeup()
  #failure: OverlayError | undefined
  readonly #end = new AbortController()

  constructor({ namespace, counters = new ProxyCounters() }: UdpDriverOptions) {
    this.#namespace = namespace
    this.#counters = counters
  }

  async snapshot(): Promise<readonly UdpResource[]> {
    this.#requireOpen()
    return [...(this.#proxy === undefined ? [] : [this.#proxy]), ...this.#peers.values()]
  }

  async apply(operations: readonly Operation<UdpResource>[]): Promise<readonly OperationResult[]> {
    this.#requireOpen()
    const peers = operations.filter(isOfPeer)
    const [ofPeers, ofProxies] = await Promise.all([
      this.#applyPeers(peers),
      Promise.all(operations.filter(isOfProxy).map((operation) => this.#applyProxy(operation))),
    ])
    let proxies = 0
    return operations.map((operation) => (isOfPeer(operation) ? ofPeers : (ofProxies[proxies++] ?? SUCCESS)))
  }

  /** Yields when the device is gone. Throws if the thread has ended; it is started again by what is then put. */
  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent> {
    const ends = AbortSignal.any([signal, this.#end.signal])
    while (!ends.aborted) {
      await this.#changed.sleep(Number.POSITIVE_INFINITY, systemClock, ends).catch(() => undefined)
      if (ends.aborted) return
      const failure = this.#failure
      this.#failure = undefined
      if (failure !== undefined) throw failure
      yield { type: 'changed' }
    }
  }

  traffic(): Traffic {
    return trafficOf(this.#counters)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort()
    const thread = this.#thread
    this.#forget()
    await thread?.close()
  }

  async #applyPeers(operations: readonly Operation<UdpPeerResource>[]): Promise<OperationResult> {
    if (operations.length === 0) return SUCCESS
    const put = operations.filter(({ type }) => type === 'put').map(({ resource }) => resource)
    const deleted = operations.filter(({ type }) => type === 'delete').map(({ resource }) => resource)
    // A thread that has not begun, or has ended, knows no peers.
    if (put.length === 0 && this.#thread === undefined) return SUCCESS
    try {
      await this.#running().setPeers(
        put,
        deleted.map(({ subnet }) => subnet),
      )
    } catch (error) {
      return refused(error, 'setting peers of the udp proxy')
    }
    for (const { key } of deleted) this.#peers.delete(key)
    for (const peer of put) this.#peers.set(peer.key, peer)
    return SUCCESS
  }

  async #applyProxy({ type, resource }: Operation<UdpProxyResource>): Promise<OperationResult> {
    try {
      if (type === 'delete') await this.#thread?.detach()
      else await this.#running().attach(resource)
    } catch (error) {
      this.#proxy = undefined
      return refused(error, `${type} ${resource.key}`)
    }
    this.#proxy = type === 'delete' ? undefined : resource
    return SUCCESS
  }

  #running(): ProxyThread {
    this.#thread ??= new ProxyThread({
      namespace: this.#namespace,
      counters: this.#counters.memory,
      onDetached: () => {
        this.#proxy = undefined
        this.#changed.wake()
      },
      onFailed: (error) => {
        this.#forget()
        this.#failure = error
        this.#changed.wake()
      },
    })
    return this.#thread
  }

  #forget(): void {
    this.#thread = undefined
    this.#proxy = undefined
    this.#peers.clear()
  }

  #requireOpen(): void {
    if (this.#end.signal.aborted) throw new OverlayError('CLOSED', 'the udp driver was disposed of')
  }
}

const isOfPeer = (operation: Operation<UdpResource>): operation is Operation<UdpPeerResource> =>
  operation.resource.kind === 'udp-peer'
const isOfProxy = (operation: Operation<UdpResource>): operation is Operation<UdpProxyResource> =>
  operation.resource.kind === 'udp-proxy'

function refused(thrown: unknown, attempted: string): OperationResult {
  const error = OverlayError.from(thrown, 'DRIVER_REFUSED', attempted)
  // A device that is gone is found missing by a read, and made before the next attempt.
  return { ok: false, error, stale: error.errno === 'ENODEV' }
}
