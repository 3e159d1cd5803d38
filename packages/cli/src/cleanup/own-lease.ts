import type { AgentSettings } from '@selvedge/agent/flags'
import { type Lease, leaseKey, OverlayError } from '@selvedge/core'
import { canonicalCidr } from '@selvedge/core/kit'
import type { CliIo } from '../io.js'
import { openOperatorStore } from '../store/open.js'

/** This host's lease in a store. */
export interface OwnLease extends AsyncDisposable {
  /** The store, in words. */
  readonly place: string
  /** Undefined if there is none. */
  readonly lease: Lease | undefined
  /** A reservation is an operator's, and is kept. */
  readonly isReserved: boolean
  /** Gives it back; not a reservation. Rejects with `LEASE_CONFLICT` if it is there all the same. */
  release(): Promise<void>
}

/**
 * Finds it by the host's addresses, or those that the flags name, and by the subnets that the host has had, if any are known.
 * Rejects with `LEASE_CONFLICT` if several leases are this host's by that.
 */
export async function openOwnLease(
  io: CliIo,
  settings: AgentSettings,
  subnets: readonly string[],
): Promise<OwnLease> {
  const { signal } = io
  const store = await openOperatorStore(
    settings.store.type === 'local' ? { ...settings.store, networkConfigFile: undefined } : settings.store,
    { signal, onWarning: (text) => io.stderr(`selvedge: ${text}\n`) },
  )
  try {
    const { leases, reserved } = await store.list()
    const addresses = [...io.addresses(), settings.publicIp, settings.publicIpv6]
    const own = leases.filter(isOf(addresses, subnets))
    if (own.length > 1) {
      throw new OverlayError(
        'LEASE_CONFLICT',
        `releasing this host's lease in ${store.place}: ${own.map(leaseKey).join(', ')} are all of its addresses: ` +
          'release the right one by selvedge leases release',
      )
    }
    const [lease] = own
    const isReserved = lease !== undefined && reserved.has(leaseKey(lease))
    return {
      place: store.place,
      lease,
      isReserved,
      release: async () => {
        if (lease === undefined || isReserved) return
        await store.manager.releaseLease(lease, { signal })
        // It does nothing to a lease that is not this node's by its name, or another's by now.
        const left = (await store.list()).leases.filter(isOf(addresses, subnets)).map(leaseKey)
        if (!left.includes(leaseKey(lease))) return
        throw new OverlayError(
          'LEASE_CONFLICT',
          `releasing this host's lease ${leaseKey(lease)} in ${store.place}: it is still there: an agent has written it ` +
            'again, or the Node has another name: set NODE_NAME',
        )
      },
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    }
  } catch (error) {
    await store[Symbol.asyncDispose]()
    throw error
  }
}

/** Whether a lease is the host's that has these addresses and, if any are known, has had these subnets. */
export function isOf(
  addresses: readonly (string | undefined)[],
  subnets: readonly string[],
): (lease: Lease) => boolean {
  const had = subnets.map(canonicalCidr)
  return ({ subnet, ipv6Subnet, attributes: { publicIp, publicIpv6 } }) =>
    [publicIp, publicIpv6].some((address) => address !== undefined && addresses.includes(address)) &&
    (had.length === 0 || [subnet, ipv6Subnet].some((each) => each !== undefined && had.includes(each)))
}
