import type { Driver, OwnershipScope } from '../contract/driver.js'
import type { AbortOptions } from '../util/abort.js'

/**
 * Removes what this node wrote to holders that hosts share, for a node that gives its lease back: the next holder of its
 * subnet may not change it. Rejects with the first failure.
 */
export async function removeShared(
  drivers: readonly Driver[],
  scope: OwnershipScope,
  options: AbortOptions,
): Promise<void> {
  for (const driver of drivers.filter(({ shared }) => shared === true)) {
    const held = await driver.snapshot(scope, options)
    const results = await driver.apply(
      held.map((resource) => ({ type: 'delete', resource })),
      options,
    )
    for (const result of results) if (!result.ok) throw result.error
  }
}
