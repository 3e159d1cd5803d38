import type { Backend } from '@selvedge/core'
import { publicAddresses, unknownKeyWarnings } from '@selvedge/core/kit'

/**
 * The alloc backend, compatible with flannel's: the node leases a subnet, and routing packets to it is left to others
 * (a router, a cloud, static routes). It needs no resources and, like flannel's, publishes no type.
 *
 * It has no settings.
 */
export function alloc(): Backend {
  return {
    type: 'alloc',
    warnings: ({ config }) =>
      unknownKeyWarnings(Object.keys(config.backend?.options ?? {}), {}, 'the alloc settings'),
    mtu: ({ externalInterface }) => externalInterface.mtu,
    attributes: (context) => publicAddresses(context),
    local: () => [],
    peer: () => [],
  }
}
