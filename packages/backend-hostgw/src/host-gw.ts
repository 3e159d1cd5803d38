import {
  type Backend,
  type Lease,
  type LeaseContext,
  type NodeContext,
  OverlayError,
  type Resource,
} from '@selvedge/core'
import {
  backendSection,
  describeLease,
  enabledFamilies,
  type FamilyParts,
  interfaceAddress,
  peerAddresses,
  publicAddresses,
  route,
  whyNotOnLink,
} from '@selvedge/core/kit'

const TYPE = 'host-gw'
const SECTION = backendSection(TYPE, {})

/**
 * The host-gw backend, compatible with flannel's: a plain route to each peer's subnet, with the peer as its gateway.
 * Nothing is encapsulated, so pods get the external interface's full MTU. All nodes must be on one network.
 *
 * It has no settings.
 */
export function hostGw(): Backend {
  return {
    type: TYPE,
    warnings: ({ config }) => SECTION.warnings(config),
    mtu: ({ externalInterface }) => externalInterface.mtu,
    attributes(context) {
      requireOwnAddresses(context)
      return { ...publicAddresses(context), backendType: TYPE }
    },
    local(context) {
      requireOwnAddresses(context)
      return []
    },
    peer(lease, context) {
      if (lease.attributes.backendType !== TYPE) return []
      return enabledFamilies(context.config).flatMap((parts) => peer(parts, lease, context))
    },
  }
}

/** Peers use the public address as a gateway, so it must be an address of this host. */
function requireOwnAddresses(context: NodeContext): void {
  for (const parts of enabledFamilies(context.config)) {
    const own = interfaceAddress(context, parts)
    const published = context[parts.publicAddress]
    if (published !== undefined && published !== own) {
      throw new OverlayError(
        'INTERFACE_UNSUITABLE',
        `the public ${parts.name} address is ${published}, but that of ${context.externalInterface.name} is ${own}: ` +
          'host-gw makes this host a gateway on its own network and does not work through NAT; ' +
          'name the interface that has the address, or use vxlan',
      )
    }
  }
}

function peer(parts: FamilyParts, lease: Lease, context: LeaseContext): Resource[] {
  const addresses = peerAddresses(lease, parts)
  if (addresses === undefined) return []
  const { subnet, publicAddress } = addresses
  const { externalInterface } = context
  const problem = whyNotOnLink(externalInterface, publicAddress)
  if (problem !== undefined) {
    // flannel tries to add the route all the same. The kernel refuses it ("Nexthop has invalid gateway"), or drops packets.
    throw new OverlayError(
      'INVALID_LEASE',
      `${describeLease(lease)} cannot be routed: ${problem}, and host-gw needs every node on one; ` +
        'use vxlan, with DirectRouting where nodes do share a network',
    )
  }
  return [route({ destination: subnet, gateway: publicAddress, device: externalInterface.name })]
}
