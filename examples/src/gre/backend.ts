/**
 * A backend that brings a link type of its own: a GRE tunnel to each peer, and the peer's subnet routed into it.
 *
 *     { "Network": "10.244.0.0/16", "Backend": { "Type": "gre" } }
 *
 * The core and the driver know neither GRE nor its settings; link-type.ts translates them.
 */
import {
  type Backend,
  type LeaseContext,
  type NodeContext,
  OverlayError,
  type Resource,
} from '@selvedge/core'
import { IPV4_PARTS, link, parseAddress, peerAddresses, publicAddresses, route } from '@selvedge/core/kit'

const TYPE = 'gre'
/** An outer IPv4 header (20) and a GRE header without options (4, RFC 2784). */
const OVERHEAD = 24
/** RFC 791. */
const MIN_MTU = 68

export function gre(): Backend {
  return {
    type: TYPE,
    requires: [TYPE],
    mtu: mtuOf,
    attributes: (context) => ({ ...publicAddresses(context), backendType: TYPE }),
    local: () => [],
    peer(lease, context) {
      if (lease.attributes.backendType !== TYPE) return []
      const peer = peerAddresses(lease, IPV4_PARTS) // throws INVALID_LEASE if the lease has no address
      if (peer === undefined) return []
      const device = tunnelName(peer.publicAddress)
      return [tunnel(device, peer.publicAddress, context), route({ destination: peer.subnet, device })]
    },
  }
}

function mtuOf({ externalInterface: { name, mtu } }: NodeContext): number {
  if (mtu >= OVERHEAD + MIN_MTU) return mtu - OVERHEAD
  throw new OverlayError('INTERFACE_UNSUITABLE', `the MTU of ${name}, ${mtu}, leaves no room for GRE packets`)
}

function tunnel(name: string, remote: string, context: LeaseContext): Resource {
  const { name: parent, ipv4: local } = context.externalInterface
  return link({ name, type: TYPE, mtu: mtuOf(context), settings: { local, remote, parent, ttl: 64 } })
}

/** A link's name has at most 15 characters. */
const tunnelName = (address: string): string =>
  `gre-${parseAddress(address)?.value.toString(16).padStart(8, '0')}`
