import type { Backend, BackendPreview, LeaseContext, Resource } from '@selvedge/core'
import {
  address,
  baseAddress,
  enabledFamilies,
  interfaceAddress,
  link,
  ownSubnet,
  peerAddresses,
  publicAddresses,
  route,
  tunnelPodMtu,
} from '@selvedge/core/kit'
import { UdpDriver } from './proxy/driver.js'
import { udpPeer, udpProxy } from './resource.js'
import { portOf, readOptions, SECTION, TUNNEL, type UdpOptions } from './settings.js'

export type { UdpOptions } from './settings.js'

const TYPE = 'udp'
/** flannel's name. */
const DEVICE = 'flannel0'

/**
 * The udp backend, compatible with flannel's: packets between hosts travel in plain UDP, one a datagram, put there by
 * this process and a TUN device. For kernels and networks that allow for nothing faster: it encrypts nothing, and vxlan
 * costs a fraction. IPv6, which flannel's has not, travels by way of the peers' IPv6 addresses.
 *
 * Settings come from the network config's Backend section; `options` override them. Throws an OverlayError of code
 * `INVALID_CONFIG` for an option out of its range, a TypeError for one that does not exist.
 */
export function udp(options: UdpOptions = {}): Backend {
  const given = readOptions(options)
  return {
    type: TYPE,
    requires: ['tun'],
    warnings: ({ config }) => SECTION.warnings(config),
    mtu: (context) => tunnelPodMtu(context, TUNNEL),
    // Like flannel's, it publishes no type.
    attributes: (context) => publicAddresses(context),
    local: (context) => local(context, portOf(context.config, given)),
    peer(lease, context) {
      if (lease.attributes.backendType !== undefined) return []
      const port = portOf(context.config, given)
      return enabledFamilies(context.config).flatMap((parts) => {
        const addresses = peerAddresses(lease, parts)
        if (addresses === undefined) return []
        const { subnet, publicAddress } = addresses
        return [udpPeer({ device: DEVICE, subnet, address: publicAddress, port })]
      })
    },
    drivers: () => [new UdpDriver(options)],
  }
}

/**
 * The same for a plan: without the proxy and its peers, which are a part of the process of an agent and no state of the host.
 * What of them another process has, no one can see.
 */
export function udpPreview(options: UdpOptions = {}): BackendPreview {
  const { drivers: _, ...backend } = udp(options)
  return {
    backend: {
      ...backend,
      local: (context) => backend.local(context).filter(({ kind }) => kind !== 'udp-proxy'),
      peer: (lease, context) => backend.peer(lease, context).filter(({ kind }) => kind !== 'udp-peer'),
    },
    unknown: [
      `whether a process carries packets behind ${DEVICE}, and to which peers: the proxy is a part of the agent's own ` +
        'process, and not of the host',
    ],
  }
}

/** The device, its addresses, the routes of the whole networks to it, and the proxy behind it. */
function local(context: LeaseContext, port: number): readonly Resource[] {
  const families = enabledFamilies(context.config).map((parts) => {
    const subnet = ownSubnet(context, parts)
    const network = context.config[parts.network]?.network ?? subnet
    return { parts, subnet, network, listen: interfaceAddress(context, parts) }
  })
  // The device is one for both families.
  const mtu = tunnelPodMtu(context, TUNNEL)
  return [
    link({ name: DEVICE, type: 'tun', mtu, settings: { mode: 'tun' }, acceptRouterAdvertisements: false }),
    // The source of what this host itself sends to pods. A shorter prefix would add a route and a broadcast address.
    ...families.map(({ parts, subnet }) =>
      address({ link: DEVICE, address: baseAddress(subnet), prefixLength: parts.bits }),
    ),
    udpProxy({
      device: DEVICE,
      mtu,
      port,
      addresses: families.map(({ listen }) => listen),
      subnets: families.map(({ subnet }) => subnet),
      networks: families.map(({ network }) => network),
    }),
    ...families.map(({ network }) => route({ destination: network, device: DEVICE })),
  ]
}
