import type {
  Backend,
  Lease,
  LeaseAttributes,
  LeaseContext,
  NetworkConfig,
  NodeContext,
  Resource,
} from '@selvedge/core'
import {
  address,
  attributesWithData,
  baseAddress,
  enabledFamilies,
  type Family,
  type FamilyParts,
  fdb,
  interfaceAddress,
  isOnLink,
  link,
  neighbour,
  ownIdentity,
  ownSubnet,
  peerAddresses,
  publicAddresses,
  route,
  tunnelMtu,
  tunnelPodMtu,
} from '@selvedge/core/kit'
import { requireOptionMtu, vxlanTunnel } from './mtu.js'
import { deviceName, readSettings, SECTION, type VxlanOptions, type VxlanSettings } from './settings.js'
import { macIn, readVtep, vtepData } from './vtep.js'
import { vtepMac } from './vtep-mac.js'

const TYPE = 'vxlan'

/**
 * The vxlan backend, compatible with flannel's: packets between hosts travel in UDP, encapsulated and decapsulated by
 * the kernel. One VXLAN device a family, and for each peer a neighbour, an fdb entry and a route, so that nothing is
 * ever flooded or learned.
 *
 * Settings come from the network config's Backend section; `options` override them. Throws an OverlayError of code
 * `INVALID_CONFIG` for an option out of its range, a TypeError for one that does not exist.
 */
export function vxlan(options: VxlanOptions = {}): Backend {
  const given = SECTION.options(options)
  requireOptionMtu(given)
  const settingsOf = rememberLast((config: NetworkConfig) => readSettings(config, given))
  const ownMacsOf = rememberLast(macsOf)
  return {
    type: TYPE,
    requires: [TYPE],
    warnings: ({ config }) => SECTION.warnings(config),
    mtu: (context) => tunnelPodMtu(context, vxlanTunnel(settingsOf(context.config))),
    attributes: (context) => attributes(context, settingsOf(context.config)),
    local: (context) =>
      enabledFamilies(context.config).flatMap((parts) => device(parts, context, settingsOf(context.config))),
    peer(lease, context) {
      if (lease.attributes.backendType !== TYPE) return []
      const settings = settingsOf(context.config)
      const ownMacs = ownMacsOf(context.lease)
      const [first, second] = enabledFamilies(context.config)
      const resources = first === undefined ? [] : peer(first, lease, context, settings, ownMacs)
      return second === undefined
        ? resources
        : [...resources, ...peer(second, lease, context, settings, ownMacs)]
    },
  }
}

/** The MACs of this node's own devices. */
type OwnMacs = Readonly<Record<Family, string | undefined>>

const macsOf = ({ attributes: { backendData, backendV6Data } }: Lease): OwnMacs => ({
  4: macIn(backendData),
  6: macIn(backendV6Data),
})

function attributes(context: NodeContext, { vni }: VxlanSettings): LeaseAttributes {
  const addresses = publicAddresses(context)
  return attributesWithData(context, TYPE, (parts) =>
    vtepData(vni, vtepMac(addresses, context.previous, parts, vni)),
  )
}

/** The device of one family, and its address. */
function device(parts: FamilyParts, context: LeaseContext, settings: VxlanSettings): Resource[] {
  const { vni, port, learning, gbp } = settings
  const subnet = ownSubnet(context, parts)
  const name = deviceName(parts, vni)
  return [
    link({
      name,
      type: 'vxlan',
      mtu: tunnelMtu(parts, context, vxlanTunnel(settings)),
      // What was published, not what would be published now: it is what the peers have in their tables.
      macAddress: readVtep(context.lease, parts, vni).mac,
      settings: {
        vni,
        port,
        local: interfaceAddress(context, parts),
        parent: context.externalInterface.name,
        learning,
        gbp,
      },
      acceptRouterAdvertisements: false,
    }),
    // The source of what this host itself sends to pods. A shorter prefix would add a route and a broadcast address.
    address({ link: name, address: baseAddress(subnet), prefixLength: parts.bits }),
  ]
}

/** One peer's resources in one family. */
function peer(
  parts: FamilyParts,
  lease: Lease,
  context: LeaseContext,
  settings: VxlanSettings,
  ownMacs: OwnMacs,
): Resource[] {
  const addresses = peerAddresses(lease, parts)
  if (addresses === undefined) return []
  const { subnet, publicAddress } = addresses
  const { mac } = readVtep(lease, parts, settings.vni)
  if (mac === ownMacs[parts.family]) {
    throw ownIdentity(lease, 'VtepMAC', mac, 'give the other node another one, or delete its lease')
  }
  const { externalInterface } = context
  if (settings.directRouting && isOnLink(externalInterface, publicAddress)) {
    return [route({ destination: subnet, gateway: publicAddress, device: externalInterface.name })]
  }
  const name = deviceName(parts, settings.vni)
  const base = baseAddress(subnet)
  return [
    neighbour({ link: name, address: base, macAddress: mac }),
    fdb({ link: name, macAddress: mac, destination: publicAddress }),
    route({ destination: subnet, gateway: base, device: name, onLink: true }),
  ]
}

/** A node has one network config for tens of thousands of peers: it is read once. */
function rememberLast<K extends object, V>(compute: (key: K) => V): (key: K) => V {
  let last: { key: K; value: V } | undefined
  return (key) => {
    if (last?.key !== key) last = { key, value: compute(key) }
    return last.value
  }
}
