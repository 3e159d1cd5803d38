import { type AbortOptions, isOverlayError, type OverlayError, type PublicAddresses } from '@selvedge/core'
import { callback, checkOptions, required, withMethods } from '@selvedge/core/kit'

/** Keeps the addresses that the store assigns to this node. */
export interface NodeAddressCache {
  /** Those that were saved last; undefined if there is nothing to be trusted. Never rejects. */
  loadNodeAddresses(): Promise<PublicAddresses | undefined>
  /** They are saved with the network that they belong to. */
  keepNodeAddresses(addresses: PublicAddresses): void
}

/** What a `CachedNodeAddresses` works with. */
export interface CachedNodeAddressesOptions {
  /** Asks the store. */
  readonly read: (options: AbortOptions) => Promise<PublicAddresses>
  /** Where the addresses are kept between runs. */
  readonly cache: NodeAddressCache
  /** Called if the store is unavailable and the cache stands in for it. */
  readonly onUnavailable?: ((error: OverlayError) => void) | undefined
}

/**
 * The addresses that a store assigns to this node, such as by an annotation of a Kubernetes Node; while the store is
 * unavailable, those that it assigned last.
 */
export class CachedNodeAddresses {
  readonly #options: CachedNodeAddressesOptions

  constructor(options: CachedNodeAddressesOptions) {
    checkOptions<CachedNodeAddressesOptions>('new CachedNodeAddresses()', options, {
      read: required(callback),
      cache: required(withMethods('a LeaseFile', 'loadNodeAddresses', 'keepNodeAddresses')),
      onUnavailable: callback,
    })
    this.#options = options
  }

  /** Rejects as the store does, except with `STORE_UNAVAILABLE` while the cache knows what it said. */
  async read(options: AbortOptions = {}): Promise<PublicAddresses> {
    const { read, cache, onUnavailable } = this.#options
    try {
      const addresses = await read(options)
      cache.keepNodeAddresses(addresses)
      return addresses
    } catch (error) {
      if (!isOverlayError(error, 'STORE_UNAVAILABLE')) throw error
      const cached = await cache.loadNodeAddresses()
      if (cached === undefined) throw error
      onUnavailable?.(error)
      return cached
    }
  }
}
