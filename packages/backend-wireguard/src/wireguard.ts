import type {
  Backend,
  LeaseAttributes,
  LeaseContext,
  NetworkConfig,
  NodeContext,
  Resource,
} from '@selvedge/core'
import {
  address,
  baseAddress,
  enabledFamilies,
  link,
  networkBlackhole,
  ownSubnet,
  publicAddresses,
  type RouteResource,
  route,
  tunnelPodMtu,
} from '@selvedge/core/kit'
import {
  type KeyPair,
  type WireguardDriverOptions,
  wireguardDevice,
  wireguardDriver,
} from './driver/index.js'
import { peerData, peersOf } from './peer.js'
import { DEVICE_NAMES, deviceName, portOf, readSettings, settingsWarnings, tunnelOf } from './settings.js'

export const TYPE = 'wireguard'

export type WireguardBackendOptions = Pick<
  WireguardDriverOptions,
  'implementation' | 'namespace' | 'socketDirectory'
>

/** The wireguard backend with this node's keys at hand: a pure function of them. */
export function wireguardBackend(keys: KeyPair, options: WireguardBackendOptions): Backend {
  // wireguard-go attaches to a TUN device. That outlives it, so that packets for pods never find another way.
  const linkType = options.implementation === 'kernel' ? 'wireguard' : 'tun'
  return {
    type: TYPE,
    requires: [linkType],
    warnings: ({ config }) => settingsWarnings(config),
    mtu,
    attributes: (context) => attributes(context, keys),
    local: (context) => local(context, keys, linkType),
    peer: (lease, context) =>
      lease.attributes.backendType === TYPE
        ? peersOf(lease, context, readSettings(context.config), keys.publicKey)
        : [],
    sendsPlain,
    drivers: ({ config }) => [
      wireguardDriver({
        ...options,
        devices: devicesOf(config),
        privateKey: keys.privateKey,
        presharedKey: readSettings(config).presharedKey,
      }),
    ],
  }
}

/** See `Backend.sendsPlain`: every route of the network's but those into the tunnel, whatever its settings. */
export const sendsPlain = ({ type, device = '' }: RouteResource): boolean =>
  type === 'unicast' && !DEVICE_NAMES.includes(device)

const mtu = (context: NodeContext): number => tunnelPodMtu(context, tunnelOf(readSettings(context.config)))

function devicesOf(config: NetworkConfig): string[] {
  const settings = readSettings(config)
  return [...new Set(enabledFamilies(config).map(({ family }) => deviceName(family, settings)))]
}

function attributes(context: NodeContext, { publicKey }: KeyPair): LeaseAttributes {
  const settings = readSettings(context.config)
  let published: LeaseAttributes = { ...publicAddresses(context), backendType: TYPE }
  for (const { family, backendData } of enabledFamilies(context.config)) {
    published = { ...published, [backendData]: peerData(publicKey, portOf(family, settings)) }
  }
  return published
}

function local(context: LeaseContext, { publicKey }: KeyPair, type: string): Resource[] {
  const settings = readSettings(context.config)
  const resources = new Map<string, Resource>()
  const add = (resource: Resource) => void resources.set(resource.key, resource)
  for (const parts of enabledFamilies(context.config)) {
    const name = deviceName(parts.family, settings)
    const subnet = ownSubnet(context, parts)
    add(link({ name, type, mtu: mtu(context) }))
    add(wireguardDevice({ name, publicKey, listenPort: portOf(parts.family, settings), firewallMark: 0 }))
    add(address({ link: name, address: baseAddress(subnet), prefixLength: parts.bits }))
    // The whole network: a packet for a subnet that no peer has is dropped by the device, and never leaves in plain.
    const network = context.config[parts.network]?.network ?? subnet
    add(route({ destination: network, device: name }))
    // Nor does one while the device is missing, or before it is there.
    add(networkBlackhole(network))
  }
  return [...resources.values()]
}
