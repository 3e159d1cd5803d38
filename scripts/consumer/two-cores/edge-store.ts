/**
 * A third party's package, with a copy of core of its own that is newer than the application's: a store, and a backend whose
 * resources are made by that copy.
 */
import { type Backend, type Lease, OverlayError, type RenewOptions } from '@selvedge/core'
import { publicAddresses, route } from '@selvedge/core/kit'
import { MemorySubnetManager } from '@selvedge/store-memory'

export { OverlayError } from '@selvedge/core'

export class EdgeSubnetManager extends MemorySubnetManager {
  #hasLost = false

  /** The next renewal finds that another node holds the lease. */
  loseLease(): void {
    this.#hasLost = true
  }

  override async renewLease(lease: Lease, options: RenewOptions = {}): Promise<Lease> {
    if (!this.#hasLost) return super.renewLease(lease, options)
    this.#hasLost = false
    throw new OverlayError('LEASE_LOST', `${lease.subnet} belongs to another node`)
  }
}

export const edgeBackend = (): Backend => ({
  type: 'edge',
  mtu: ({ externalInterface }) => externalInterface.mtu,
  attributes: (context) => ({ ...publicAddresses(context), backendType: 'edge' }),
  local: () => [],
  peer({ subnet, attributes: { publicIp } }, { externalInterface }) {
    if (subnet === undefined) return []
    if (publicIp === undefined) throw new OverlayError('INVALID_LEASE', `${subnet} names no public address`)
    return [route({ destination: subnet, device: externalInterface.name, gateway: publicIp })]
  },
})
