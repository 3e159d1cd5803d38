import { type Clock, type Lease, type LeaseEvent, leaseKey, type NetworkConfig } from '@selvedge/core'
import type { LeaseCache } from './known-network.js'
import { SaveScheduler } from './save-scheduler.js'

export interface NetworkRecorderOptions {
  readonly cache: LeaseCache
  readonly clock: Clock
  /** The addresses at which the store is reached, as far as they are known now. */
  readonly storeAddresses: () => readonly string[]
  /** Called with the first of several saves in a row that fail. */
  readonly onError: (error: unknown) => void
}

/** A name with more addresses is no store's. */
const MAX_STORE_ADDRESSES = 64

/** Records what a store says of the network, and saves it. */
export class NetworkRecorder implements AsyncDisposable {
  readonly #cache: LeaseCache
  readonly #clock: Clock
  readonly #storeAddresses: () => readonly string[]
  readonly #saves: SaveScheduler
  #config: NetworkConfig | undefined
  #own: Lease | undefined
  /** Undefined until the store has listed all. */
  #leases: Map<string, Lease> | undefined
  #asOf = 0

  constructor({ cache, clock, storeAddresses, onError }: NetworkRecorderOptions) {
    this.#cache = cache
    this.#clock = clock
    this.#storeAddresses = storeAddresses
    this.#saves = new SaveScheduler({ clock, save: () => this.#save(), onError })
  }

  get config(): NetworkConfig | undefined {
    return this.#config
  }

  /** Whether the store has said anything about leases. */
  get knowsLeases(): boolean {
    return this.#own !== undefined || this.#leases !== undefined
  }

  recordConfig(config: NetworkConfig): void {
    this.#config = config
    this.#request()
  }

  /** Saved at once: the next start needs this node's subnet, and the end of its lease, as they are now. */
  recordOwn(lease: Lease | undefined): void {
    this.#own = lease
    this.#request({ urgent: true })
  }

  /** This node's own lease as it will be published once the store is back. */
  expectOwn(lease: Lease): void {
    this.#own = lease
  }

  record(event: LeaseEvent): void {
    if (event.type === 'snapshot') {
      // What a store lost may well be there still: the next start begins with it, until the store has listed all.
      const kept = event.storeWasReset === true ? (this.#leases ?? []) : []
      this.#leases = new Map([...kept, ...event.leases.map((lease) => [leaseKey(lease), lease] as const)])
    } else if (event.type === 'put') {
      this.#leases?.set(leaseKey(event.lease), event.lease)
    } else {
      this.#leases?.delete(leaseKey(event.lease))
    }
    this.#request()
  }

  /** Saves what has not been saved yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#saves[Symbol.asyncDispose]()
  }

  get #isComplete(): boolean {
    return this.#config !== undefined && this.#leases !== undefined
  }

  #request(options?: { urgent: boolean }): void {
    this.#asOf = this.#clock.now()
    // A part of what there is to know is worse than what was saved before.
    if (this.#isComplete) this.#saves.request(options)
  }

  async #save(): Promise<void> {
    if (this.#config === undefined || this.#leases === undefined) return
    await this.#cache.save({
      config: this.#config,
      own: this.#own,
      leases: this.#leases,
      storeAddresses: this.#storeAddresses().slice(0, MAX_STORE_ADDRESSES),
      asOf: this.#asOf,
    })
  }
}
