import type { Driver, Operation, OwnershipScope } from '../contract/driver.js'
import { isRoute, type RouteResource, satisfies } from '../contract/resource.js'
import type { AbortOptions } from '../util/abort.js'

/** A route without the mark of any agent, such as flanneld writes, in the place of a desired one. */
export interface UnmarkedRival {
  /** As the kernel has it. */
  readonly route: RouteResource
  /**
   * Whether a put takes it over, as it leads the same way or over a link of the overlay's. Else it is another program's: it
   * stays, and the put is refused.
   */
  readonly isAdopted: boolean
}

/**
 * Those in the place of routes that are to be put, by key. Drivers do not list them as the overlay's own.
 *
 * @param ownLinks names of the overlay's links
 */
export async function unmarkedRivals(
  operations: readonly Operation[],
  ownLinks: readonly string[],
  { drivers, scope }: { readonly drivers: readonly Driver[]; readonly scope: OwnershipScope },
  options: AbortOptions,
): Promise<ReadonlyMap<string, UnmarkedRival>> {
  const missing = new Map(
    operations.flatMap((operation) =>
      operation.type === 'put' && operation.actual === undefined
        ? [[operation.resource.key, operation.resource] as const]
        : [],
    ),
  )
  const rivals = new Map<string, UnmarkedRival>()
  if (![...missing.values()].some(isRoute)) return rivals
  const widened = { ...scope, isUnmarkedOurs: () => true }
  for (const driver of drivers.filter(({ kinds }) => kinds.includes('route'))) {
    for (const route of await driver.snapshot(widened, options)) {
      const desired = missing.get(route.key)
      if (!isRoute(route) || desired === undefined) continue
      const isOver = route.device !== undefined && ownLinks.includes(route.device)
      rivals.set(route.key, { route, isAdopted: isOver || satisfies(route, desired) })
    }
  }
  return rivals
}
