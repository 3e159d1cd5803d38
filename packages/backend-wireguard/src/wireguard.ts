import {
  type Backend,
  type BackendLoader,
  type LeaseAttributes,
  type LeaseContext,
  type NodeContext,
  OverlayError,
  type Resource,
} from '@selvedge/core'
import {
  address,
  baseAddress,
  enabledFamilies,
  type FamilyParts,
  link,
  networkBlackhole,
  publicAddresses,
  type RouteResource,
  route,
} from '@selvedge/core/kit'
import { checkWireguardGo, type WireguardDriverOptions, wireguardDriver } from './driver/index.js'
import { readKeyFile } from './key-file.js'
import type { KeyPair } from './keys.js'
import { peerData, peersOf } from './peer.js'
import { wireguardDevice } from './resource.js'
import { DEVICE_NAMES, deviceMtu, deviceName, portOf, readSettings, settingsWarnings } from './settings.js'

const TYPE = 'wireguard'

export interface WireguardOptions extends Pick<WireguardDriverOptions, 'namespace' | 'socketDirectory'> {
  /** This node's private key, which is made if it is missing. Default: flannel's, `/run/flannel/wgkey`. */
  readonly keyFile?: string | undefined
}

/**
 * The wireguard backend, compatible with flannel's: packets between hosts travel encrypted, through wireguard-go. It
 * reads this node's key from a file, or makes one, when a network config names it; see {@link readKeyFile} for how that
 * may fail. Rejects with `UNSUPPORTED` if there is no wireguard-go.
 */
export function wireguard({ keyFile, ...options }: WireguardOptions = {}): BackendLoader {
  return {
    type: TYPE,
    sendsPlain,
    async load(_context, { signal }) {
      await checkWireguardGo({ signal })
      return wireguardBackend(await readKeyFile({ path: keyFile, signal }), options)
    },
  }
}

/** The same with keys at hand: a pure function of them. */
export function wireguardBackend(
  keys: KeyPair,
  options: Pick<WireguardDriverOptions, 'namespace' | 'socketDirectory'> = {},
): Backend {
  return {
    type: TYPE,
    // wireguard-go attaches to a TUN device. That outlives it, so that packets for pods never find another way.
    requires: ['tun'],
    warnings: ({ config }) => settingsWarnings(config),
    mtu: (context) => deviceMtu(context, readSettings(context.config)),
    attributes: (context) => attributes(context, keys),
    local: (context) => local(context, keys),
    peer: (lease, context) =>
      lease.attributes.backendType === TYPE
        ? peersOf(lease, context, readSettings(context.config), keys.publicKey)
        : [],
    sendsPlain,
    drivers: ({ config }) => {
      const settings = readSettings(config)
      const families = enabledFamilies(config).map(({ family }) => family)
      return [
        wireguardDriver({
          ...options,
          devices: [...new Set(families.map((family) => deviceName(family, settings)))],
          privateKey: keys.privateKey,
          presharedKey: settings.presharedKey,
        }),
      ]
    },
  }
}

/** See `Backend.sendsPlain`: every route of the network's but those into the tunnel, whatever its settings. */
export const sendsPlain = ({ type, device = '' }: RouteResource): boolean =>
  type === 'unicast' && !DEVICE_NAMES.includes(device)

function attributes(context: NodeContext, { publicKey }: KeyPair): LeaseAttributes {
  const settings = readSettings(context.config)
  let published: LeaseAttributes = { ...publicAddresses(context), backendType: TYPE }
  for (const { family, backendData } of enabledFamilies(context.config)) {
    published = { ...published, [backendData]: peerData(publicKey, portOf(family, settings)) }
  }
  return published
}

function local(context: LeaseContext, { publicKey }: KeyPair): Resource[] {
  const settings = readSettings(context.config)
  const mtu = deviceMtu(context, settings)
  const resources = new Map<string, Resource>()
  const add = (resource: Resource) => void resources.set(resource.key, resource)
  for (const parts of enabledFamilies(context.config)) {
    const name = deviceName(parts.family, settings)
    const { subnet, network } = ofFamily(context, parts)
    add(link({ name, type: 'tun', mtu }))
    add(wireguardDevice({ name, publicKey, listenPort: portOf(parts.family, settings) }))
    add(address({ link: name, address: baseAddress(subnet), prefixLength: parts.bits }))
    // The whole network: a packet for a subnet that no peer has is dropped by the device, and never leaves in plain.
    add(route({ destination: network, device: name }))
    // Nor does one while the device is missing, or before it is there.
    add(networkBlackhole(network))
  }
  return [...resources.values()]
}

function ofFamily({ config, lease }: LeaseContext, parts: FamilyParts) {
  const subnet = lease[parts.subnet]
  const network = config[parts.network]?.network
  if (subnet !== undefined && network !== undefined) return { subnet, network }
  throw new OverlayError(
    'INVALID_LEASE',
    `${parts.name} is on in the network config, but this node's own lease has no ${parts.name} subnet`,
  )
}
