import { createHash } from 'node:crypto'
import type { Backend, Lease, LeaseContext, NetworkConfig, Resource } from '@selvedge/core'
import {
  address,
  backendSection,
  baseAddress,
  booleanField,
  enabledFamilies,
  type FamilyParts,
  interfaceAddress,
  isOnLink,
  type LinkSettings,
  link,
  ownSubnet,
  peerAddresses,
  publicAddresses,
  route,
  type Tunnel,
  tunnelMtu,
  tunnelPodMtu,
} from '@selvedge/core/kit'

/** It overrides the key of the network config's Backend section that it is named after. */
export interface IpipOptions {
  /**
   * `DirectRouting`: a plain route, without a tunnel, to each peer whose public address is on the external interface's
   * own network. Default: off.
   */
  readonly directRouting?: boolean | undefined
}

const TYPE = 'ipip'
const SECTION = backendSection(TYPE, { DirectRouting: booleanField(undefined) })

/** flannel's name. */
const IPV4_DEVICE = 'flannel.ipip'

/** The outer header: RFC 791; RFC 8200, without the option of an encapsulation limit (RFC 2473). */
const TUNNEL: Tunnel = { name: 'IPIP', overhead: { 4: 20, 6: 40 }, where: SECTION.where }

/**
 * The ipip backend, compatible with flannel's: packets between hosts travel in another IP header. Those of IPv4 by one
 * device, whose outer packets go to the gateway of the route that leads into it. Those of IPv6, which flannel's does not
 * have, by a device for each peer: Linux refuses an IPv6 gateway if another link leads to it
 * (ip6_route_check_nh_onlink), as to each peer on the same LAN.
 *
 * Settings come from the network config's Backend section; `options` override them. Throws a TypeError for an option that
 * does not exist, an OverlayError `INVALID_CONFIG` for a value that cannot be.
 */
export function ipip(options: IpipOptions = {}): Backend {
  const given = SECTION.options(options)
  const isDirect = (config: NetworkConfig): boolean =>
    given.DirectRouting ?? SECTION.read(config).DirectRouting ?? false
  return {
    type: TYPE,
    requires: (config) => enabledFamilies(config).map(({ family }) => (family === 4 ? 'ipip' : 'ip6tnl')),
    warnings: ({ config }) => SECTION.warnings(config),
    mtu: (context) => tunnelPodMtu(context, TUNNEL),
    attributes(context) {
      isDirect(context.config)
      return { ...publicAddresses(context), backendType: TYPE }
    },
    local: (context) => enabledFamilies(context.config).flatMap((parts) => device(parts, context)),
    peer(lease, context) {
      if (lease.attributes.backendType !== TYPE) return []
      const direct = isDirect(context.config)
      return enabledFamilies(context.config).flatMap((parts) => peer(parts, lease, context, direct))
    },
  }
}

/** What is needed whatever the peers: the device of IPv4. */
function device(parts: FamilyParts, context: LeaseContext): readonly Resource[] {
  ownSubnet(context, parts)
  if (parts.family === 6) return []
  const settings = { local: interfaceAddress(context, parts), remote: '0.0.0.0' }
  return tunnel(IPV4_DEVICE, parts, context, { type: 'ipip', settings })
}

/** A link, and this node's address on it. */
function tunnel(
  name: string,
  parts: FamilyParts,
  context: LeaseContext,
  { type, settings }: { readonly type: string; readonly settings: LinkSettings },
): readonly Resource[] {
  const mtu = tunnelMtu(parts, context, TUNNEL)
  return [
    link({ name, type, mtu, settings, acceptRouterAdvertisements: false }),
    // The source of what this host itself sends to pods. A shorter prefix would add a route.
    address({ link: name, address: baseAddress(ownSubnet(context, parts)), prefixLength: parts.bits }),
  ]
}

function peer(parts: FamilyParts, lease: Lease, context: LeaseContext, direct: boolean): readonly Resource[] {
  const addresses = peerAddresses(lease, parts)
  if (addresses === undefined) return []
  const { subnet: destination, publicAddress: remote } = addresses
  const { externalInterface } = context
  if (direct && isOnLink(externalInterface, remote)) {
    return [route({ destination, gateway: remote, device: externalInterface.name })]
  }
  if (parts.family === 4) return [route({ destination, gateway: remote, device: IPV4_DEVICE, onLink: true })]
  const name = peerDeviceName(remote)
  const local = interfaceAddress(context, parts)
  const settings = { local, remote, protocol: IPPROTO_IPV6, encapsulationLimit: false }
  return [...tunnel(name, parts, context, { type: 'ip6tnl', settings }), route({ destination, device: name })]
}

/** include/uapi/linux/in.h */
const IPPROTO_IPV6 = 41

/** Of at most 15 characters (IFNAMSIZ). Among 10,000 peers the odds that any two collide are 1 in 300,000. */
const peerDeviceName = (remote: string): string =>
  `fl6-${createHash('sha256').update(remote).digest('hex').slice(0, 11)}`
