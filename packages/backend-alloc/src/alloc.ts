import { type Backend, publicAddresses, unknownKeyWarnings } from '@selvedge/core'

/**
 * The alloc backend, compatible with flannel's: the node holds a subnet, and how packets get there is somebody else's
 * affair. It calls for no resources, and publishes no type, as flannel does not.
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
