/**
 * A backend of your own: hosts whose router already has a route to each subnet (by BGP, say). Peers on the host's own
 * network get a direct route; all others are reached through the router.
 *
 *     { "Network": "10.244.0.0/16", "Backend": { "Type": "via-router", "Router": "192.0.2.254" } }
 *
 * A backend is pure: from a context and a lease it makes resources. `backendSuite` proves it.
 */
import type { Backend, NetworkConfig } from '@selvedge/core'
import {
  backendSection,
  IPV4_PARTS,
  invalidField,
  isOnLink,
  parseAddress,
  peerAddresses,
  publicAddresses,
  route,
  textField,
} from '@selvedge/core/kit'

const TYPE = 'via-router'
const SECTION = backendSection(TYPE, { Router: textField() })

function routerOf(config: NetworkConfig): string {
  const { Router = '' } = SECTION.read(config)
  if (parseAddress(Router)?.family === 4) return Router
  throw invalidField('Router', Router, 'must be the IPv4 address of the router', SECTION.where)
}

export function viaRouter(): Backend {
  return {
    type: TYPE,
    warnings: ({ config }) => SECTION.warnings(config),
    mtu: ({ externalInterface }) => externalInterface.mtu,
    attributes: (context) => ({ ...publicAddresses(context), backendType: TYPE }),
    local({ config, externalInterface: { name } }) {
      if (config.ipv4 === undefined) return []
      return [route({ destination: config.ipv4.network, gateway: routerOf(config), device: name })]
    },
    peer(lease, { externalInterface }) {
      if (lease.attributes.backendType !== TYPE) return []
      const peer = peerAddresses(lease, IPV4_PARTS) // throws INVALID_LEASE if the lease has no address
      if (peer === undefined || !isOnLink(externalInterface, peer.publicAddress)) return []
      return [
        route({ destination: peer.subnet, gateway: peer.publicAddress, device: externalInterface.name }),
      ]
    },
  }
}
