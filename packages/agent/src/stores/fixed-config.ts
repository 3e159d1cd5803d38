import type { AbortOptions, NetworkConfig, SubnetManager } from '@selvedge/core'
import { ForwardingSubnetManager } from './forwarding-subnet-manager.js'

/**
 * A store whose config was read already: an overlay starts with the very config that its backend was chosen by, and
 * the store is asked once.
 */
export class FixedConfig extends ForwardingSubnetManager {
  readonly #config: NetworkConfig

  constructor(subnets: SubnetManager, config: NetworkConfig) {
    super(subnets)
    this.#config = config
  }

  override async getNetworkConfig({ signal }: AbortOptions = {}): Promise<NetworkConfig> {
    signal?.throwIfAborted()
    return this.#config
  }
}
