import type { JsonValue, Lease, LeaseContext } from '@selvedge/core'
import {
  type Field,
  integerField,
  isPrivateAddress,
  ownIdentity,
  readPeerData,
  type ServedFamily,
  servedFamilies,
} from '@selvedge/core/kit'
import { endpointText, isKey, type WireguardPeerResource, wireguardPeer } from './driver/index.js'
import { deviceOf, type WireguardSettings } from './settings.js'

const publicKeyField: Field<string | undefined> = {
  rule: 'must be a WireGuard key, 32 bytes in base64',
  fallback: undefined,
  accepts: isKey,
}

const PUBLISHED = {
  fields: { PublicKey: publicKeyField, Port: integerField(0, 65535, 0) },
  required: 'PublicKey',
  example: '{"PublicKey":"…","Port":51820}',
} as const

/** What a node publishes, with its fields in flannel's order. */
export const peerData = (publicKey: string, port: number): JsonValue => ({ PublicKey: publicKey, Port: port })

/** The peers that one lease calls for: one for each family in the mode `separate`, else one with the subnets of both. */
export function peersOf(
  lease: Lease,
  context: LeaseContext,
  settings: WireguardSettings,
  ownKey: string,
): WireguardPeerResource[] {
  const served = servedFamilies(lease, context)
  const groups = settings.Mode === 'separate' ? served.map((one) => [one]) : [served]
  return groups.flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const { family } = first.parts
    const { name, listenPort } = deviceOf(family, settings)
    const { PublicKey: publicKey = '', Port: published } = readPeerData(lease, first.parts, PUBLISHED)
    if (publicKey === ownKey) throw ownIdentity(lease, 'PublicKey', publicKey, "delete that node's key file")
    // With one device for both families flannel listens on ListenPort, though it publishes ListenPortV6 as IPv6's.
    const isFlannels = family === 6 && published === settings.ListenPortV6
    const port = published === 0 || isFlannels ? listenPort : published
    return wireguardPeer({
      device: name,
      publicKey,
      endpoint: endpointText({
        address: outerAddress(group, context, settings) ?? first.publicAddress,
        port,
      }),
      allowedIps: group.map(({ subnet }) => subnet),
      persistentKeepalive: settings.PersistentKeepaliveInterval,
      presharedKey: Boolean(settings.PSK),
    })
  })
}

/** Where outer packets go, as flannel's `auto` chooses it: to what is reachable from everywhere, and IPv4 rather. */
function outerAddress(
  group: readonly ServedFamily[],
  { externalInterface }: LeaseContext,
  { Mode }: WireguardSettings,
): string | undefined {
  const addressOf = (family: 4 | 6) => group.find(({ parts }) => parts.family === family)?.publicAddress
  const [ipv4, ipv6] = [addressOf(4), addressOf(6)]
  if (ipv4 === undefined || ipv6 === undefined || Mode === 'ipv4') return ipv4 ?? ipv6
  if (Mode === 'ipv6') return ipv6
  const { ipv4: own, ipv6: ownIpv6 } = externalInterface
  if (ownIpv6 === undefined || (own !== undefined && !isPrivateAddress(ipv4))) return ipv4
  return own === undefined || !(isPrivateAddress(ipv6) || isPrivateAddress(ownIpv6)) ? ipv6 : ipv4
}
