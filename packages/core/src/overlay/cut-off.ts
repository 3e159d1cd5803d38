import type { Driver } from '../contract/driver.js'
import type { HostNetwork } from '../contract/node-context.js'
import { isRoute, type Resource, type RouteResource } from '../contract/resource.js'
import type { SubnetManager } from '../contract/subnet-manager.js'
import { containsAddress } from '../net/cidr.js'
import { type AbortOptions, unlessAborted } from '../util/abort.js'
import type { Clock } from '../util/clock.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { findExternalInterface } from './external-interface.js'

/*
 * A route that contains the store's address, or that of the gateway on the way there, cuts a host off from its store, and
 * for good: what would remove the route is the store's own word. Admission refuses each lease that calls for one. What is
 * here removes those that an earlier run left, before the store has answered.
 */

/** The addresses that no route of an overlay may contain: see `OwnershipScope.reachable`. */
export function reachableAddresses(
  store: Pick<SubnetManager, 'addresses'>,
  host: HostNetwork | undefined,
): readonly string[] {
  return [...new Set([...(store.addresses?.() ?? []), ...(host?.gateways ?? [])])]
}

/** Whether it is a route that contains one of `addresses`. */
export function cutsOff(resource: Resource, addresses: readonly string[]): resource is RouteResource {
  return isRoute(resource) && addresses.some((address) => containsAddress(resource.destination, address))
}

export interface StoreAccess {
  readonly subnets: Pick<SubnetManager, 'name' | 'addresses'>
  readonly drivers: readonly Driver[]
  /** Networks that were served before: a route into the whole of one is no lease's. */
  readonly networks: readonly string[]
  readonly clock: Clock
  readonly onWarning: (text: string) => void
  readonly onError: (error: OverlayError) => void
}

/** A store that answers within this time is not cut off. It doubles, since more of its addresses may be known by then. */
const FIRST_LOOK_MS = 1_000

/**
 * What a call to the store comes to. While it takes long, and if it finds the store unavailable, routes that cut the host
 * off are removed.
 */
export async function reachingStore<T>(
  call: Promise<T>,
  access: StoreAccess,
  signal: AbortSignal,
): Promise<T> {
  const answered = new AbortController()
  const looking = lookWhile(AbortSignal.any([signal, answered.signal]), access)
  try {
    return await call
  } catch (error) {
    if (isOverlayError(error, 'STORE_UNAVAILABLE')) await removeCutOffs(access, { signal })
    throw error
  } finally {
    answered.abort()
    await looking
  }
}

/** Looks after 1 s, 2 s, 4 s and so on. Never rejects. */
async function lookWhile(signal: AbortSignal, access: StoreAccess): Promise<void> {
  for (let delayMs = FIRST_LOOK_MS; !signal.aborted; delayMs *= 2) {
    await access.clock.sleep(delayMs, { signal }).catch(() => undefined)
    if (!signal.aborted) await unlessAborted(removeCutOffs(access, { signal }), signal).catch(() => undefined)
  }
}

async function removeCutOffs(access: StoreAccess, options: AbortOptions): Promise<void> {
  const { subnets, drivers, networks, onWarning, onError } = access
  try {
    const addresses = reachableAddresses(subnets, await hostNetwork(drivers, options))
    if (addresses.length === 0) return
    const scope = { aliases: [], links: [], networks: [], reachable: addresses }
    for (const driver of drivers.filter(({ kinds }) => kinds.includes('route'))) {
      const found = await driver.snapshot(scope, options)
      const routes = found.filter(
        (resource): resource is RouteResource =>
          cutsOff(resource, addresses) && !networks.includes(resource.destination),
      )
      if (routes.length === 0) continue
      const results = await driver.apply(
        routes.map((resource) => ({ type: 'delete', resource })),
        options,
      )
      for (const result of results) if (!result.ok) throw result.error
      onWarning(
        `${subnets.name} does not answer, and routes that an earlier run left led packets for it or for a gateway into ` +
          `the overlay (${routes.map(({ destination }) => destination).join(', ')}): removed`,
      )
    }
  } catch (thrown) {
    if (!options.signal?.aborted)
      onError(OverlayError.from(thrown, 'DRIVER_REFUSED', 'removing routes that cut the store off'))
  }
}

/** The host's, as far as a driver can tell: without a default route, for one, none can. */
async function hostNetwork(
  drivers: readonly Driver[],
  options: AbortOptions,
): Promise<HostNetwork | undefined> {
  try {
    return (await findExternalInterface(drivers, options)).externalInterface.host
  } catch {
    // What is wrong with the interface is reported once the store has answered.
    return undefined
  }
}
