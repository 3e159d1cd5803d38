import type { Backend, LeaseContext, NodeContext, Resource } from '@selvedge/core'
import {
  address,
  attributesWithData,
  baseAddress,
  enabledFamilies,
  link,
  networkBlackhole,
  ownSubnet,
  type RouteResource,
  route,
  tunnelPodMtu,
} from '@selvedge/core/kit'
import { type Carrier, type KeyPair, wireguardDevice, wireguardDriver } from './driver/index.js'
import { peerData, peersOf } from './peer.js'
import { DEVICE, deviceOf, IPV6_DEVICE, readSettings, SECTION, tunnelOf } from './settings.js'

export const TYPE = 'wireguard'

/**
 * The wireguard backend with this node's keys at hand: a pure function of them.
 *
 * @param endpoints for the driver: see `WireguardDriverOptions.endpoints`
 */
export function wireguardBackend(keys: KeyPair, carrier: Carrier, endpoints?: Map<string, string>): Backend {
  // wireguard-go attaches to a TUN device. That outlives it, so that packets for pods never find another way.
  const linkType = carrier.implementation === 'kernel' ? 'wireguard' : 'tun'
  return {
    type: TYPE,
    requires: [linkType],
    warnings: ({ config }) => SECTION.warnings(config),
    mtu,
    attributes(context) {
      const settings = readSettings(context.config)
      return attributesWithData(context, TYPE, ({ family }) =>
        peerData(keys.publicKey, deviceOf(family, settings).listenPort),
      )
    },
    local: (context) => local(context, keys, linkType),
    peer: (lease, context) =>
      lease.attributes.backendType === TYPE
        ? peersOf(lease, context, readSettings(context.config), keys.publicKey)
        : [],
    sendsPlain,
    drivers({ config }) {
      const settings = readSettings(config)
      const devices = enabledFamilies(config).map(({ family }) => deviceOf(family, settings).name)
      const presharedKey = settings.PSK || undefined
      return [
        wireguardDriver({ ...carrier, ...keys, devices: [...new Set(devices)], presharedKey, endpoints }),
      ]
    },
  }
}

/** See `Backend.sendsPlain`: every route of the network's but those into the tunnel, whatever its settings. */
export const sendsPlain = ({ type, device = '' }: RouteResource): boolean =>
  type === 'unicast' && device !== DEVICE && device !== IPV6_DEVICE

const mtu = (context: NodeContext): number => tunnelPodMtu(context, tunnelOf(readSettings(context.config)))

function local(context: LeaseContext, { publicKey }: KeyPair, type: string): Resource[] {
  const settings = readSettings(context.config)
  const resources = enabledFamilies(context.config).flatMap((parts) => {
    const { name, listenPort } = deviceOf(parts.family, settings)
    const subnet = ownSubnet(context, parts)
    const network = context.config[parts.network]?.network ?? subnet
    return [
      link({ name, type, mtu: mtu(context) }),
      wireguardDevice({ name, publicKey, listenPort, firewallMark: 0 }),
      address({ link: name, address: baseAddress(subnet), prefixLength: parts.bits }),
      // The whole network: a packet for a subnet that no peer has is dropped by the device, and never leaves in plain.
      route({ destination: network, device: name }),
      // Nor does one while the device is missing, or before it is there.
      networkBlackhole(network),
    ]
  })
  // Both families may have one device.
  return [...new Map(resources.map((resource) => [resource.key, resource])).values()]
}
