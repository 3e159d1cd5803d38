import {
  type Lease,
  type LeaseEvent,
  type LeaseRequest,
  type NetworkConfig,
  parseNetworkConfig,
  type SubnetManager,
  type WatchOptions,
} from '@selvedge/core'
import { NETWORK, OWN_SUBNET } from './peers.js'

/** A store that costs nothing: one snapshot and no change, so that the store is not measured. */
export class OneSnapshot implements SubnetManager {
  readonly name = 'one-snapshot'
  readonly #peers: readonly Lease[]
  #own: Lease = { subnet: OWN_SUBNET, attributes: {} }

  constructor(peers: readonly Lease[]) {
    this.#peers = peers
  }

  async getNetworkConfig(): Promise<NetworkConfig> {
    return parseNetworkConfig({ Network: NETWORK })
  }

  async acquireLease({ attributes }: LeaseRequest): Promise<Lease> {
    this.#own = { ...this.#own, attributes }
    return this.#own
  }

  async renewLease(lease: Lease): Promise<Lease> {
    return lease
  }

  async releaseLease(): Promise<void> {}

  async *watchLeases({ signal }: WatchOptions): AsyncGenerator<LeaseEvent> {
    yield { type: 'snapshot', leases: [this.#own, ...this.#peers] }
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
