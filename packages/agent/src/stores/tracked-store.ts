import type {
  AbortOptions,
  Clock,
  Lease,
  LeaseEvent,
  LeaseRequest,
  NetworkConfig,
  SubnetManager,
  WatchOptions,
} from '@selvedge/core'
import { isAboutRecords } from '@selvedge/core/kit'

export interface ConnectionObserver {
  /** The watch of all leases lost the store; called once, until it is back. */
  onDisconnected(error: Error): void
  /** The store is back, after this many ms. */
  onReconnected(afterMs: number): void
}

/** Tracks whether the store's watch is connected, and for how long it has not been. */
export class TrackedStore implements SubnetManager {
  readonly #subnets: SubnetManager
  readonly #clock: Clock
  readonly #observer: ConnectionObserver
  #hasConnected = false
  /** On the monotonic clock. */
  #lostAt: number | undefined

  /** @param subnets disposed of with this one */
  constructor(subnets: SubnetManager, clock: Clock, observer: ConnectionObserver) {
    this.#subnets = subnets
    this.#clock = clock
    this.#observer = observer
  }

  get name(): string {
    return this.#subnets.name
  }

  /** Whether the leases that the watch reported are up to date. */
  get isConnected(): boolean {
    return this.#hasConnected && this.#lostAt === undefined
  }

  /** For how long the watch has been disconnected, in ms; 0 while it is connected. */
  get disconnectedMs(): number {
    return this.#lostAt === undefined ? 0 : this.#clock.monotonic() - this.#lostAt
  }

  addresses(): readonly string[] {
    return this.#subnets.addresses?.() ?? []
  }

  async *watchLeases(options: WatchOptions): AsyncGenerator<LeaseEvent, void, undefined> {
    const events = this.#subnets.watchLeases({
      ...options,
      onError: (error) => {
        this.#disconnected(error)
        options.onError?.(error)
      },
      onRecovered: () => {
        this.#connected()
        options.onRecovered?.()
      },
    })
    for await (const event of events) {
      this.#connected()
      yield event
    }
  }

  getNetworkConfig(options?: AbortOptions): Promise<NetworkConfig> {
    return this.#subnets.getNetworkConfig(options)
  }

  acquireLease(request: LeaseRequest, options?: AbortOptions): Promise<Lease> {
    return this.#subnets.acquireLease(request, options)
  }

  renewLease(lease: Lease, options?: AbortOptions): Promise<Lease> {
    return this.#subnets.renewLease(lease, options)
  }

  releaseLease(lease: Lease, options?: AbortOptions): Promise<void> {
    return this.#subnets.releaseLease(lease, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#subnets[Symbol.asyncDispose]()
  }

  #disconnected(error: Error): void {
    if (this.#lostAt !== undefined || isAboutRecords(error)) return
    this.#lostAt = this.#clock.monotonic()
    this.#observer.onDisconnected(error)
  }

  #connected(): void {
    this.#hasConnected = true
    if (this.#lostAt === undefined) return
    const afterMs = this.disconnectedMs
    this.#lostAt = undefined
    this.#observer.onReconnected(afterMs)
  }
}
