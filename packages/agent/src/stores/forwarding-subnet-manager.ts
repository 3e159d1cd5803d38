import type {
  AbortOptions,
  Lease,
  LeaseEvent,
  LeaseRequest,
  NetworkConfig,
  SubnetManager,
  WatchOptions,
} from '@selvedge/core'

/** A store that is another one; to be extended by what differs. */
export class ForwardingSubnetManager implements SubnetManager {
  protected readonly subnets: SubnetManager

  /** @param subnets disposed of with this one */
  constructor(subnets: SubnetManager) {
    this.subnets = subnets
  }

  get name(): string {
    return this.subnets.name
  }

  getNetworkConfig(options?: AbortOptions): Promise<NetworkConfig> {
    return this.subnets.getNetworkConfig(options)
  }

  acquireLease(request: LeaseRequest, options?: AbortOptions): Promise<Lease> {
    return this.subnets.acquireLease(request, options)
  }

  renewLease(lease: Lease, options?: AbortOptions): Promise<Lease> {
    return this.subnets.renewLease(lease, options)
  }

  releaseLease(lease: Lease, options?: AbortOptions): Promise<void> {
    return this.subnets.releaseLease(lease, options)
  }

  watchLeases(options: WatchOptions): AsyncIterable<LeaseEvent> {
    return this.subnets.watchLeases(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.subnets[Symbol.asyncDispose]()
  }
}
