import type { Backend } from '@selvedge/core'
import { backendSection, publicAddresses } from '@selvedge/core/kit'

const TYPE = 'alloc'
const SECTION = backendSection(TYPE, {})

/**
 * The alloc backend, compatible with flannel's: the node leases a subnet, and routing packets to it is left to others
 * (a router, a cloud, static routes). It needs no resources and, like flannel's, publishes no type.
 *
 * It has no settings.
 */
export function alloc(): Backend {
  return {
    type: TYPE,
    warnings: ({ config }) => SECTION.warnings(config),
    mtu: ({ externalInterface }) => externalInterface.mtu,
    attributes: (context) => publicAddresses(context),
    local: () => [],
    peer: () => [],
  }
}
