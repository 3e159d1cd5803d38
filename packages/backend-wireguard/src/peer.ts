import type { JsonValue, Lease, LeaseContext } from '@selvedge/core'
import {
  containsAddress,
  describeLease,
  enabledFamilies,
  type FamilyParts,
  type Field,
  integerField,
  invalidField,
  peerAddresses,
  readPeerData,
} from '@selvedge/core/kit'
import { endpointText, isKey, type WireguardPeerResource, wireguardPeer } from './driver/index.js'
import { deviceName, portOf, type WireguardSettings } from './settings.js'

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

interface Served {
  readonly parts: FamilyParts
  readonly subnet: string
  readonly publicAddress: string
}

/** The peers that one lease calls for: one for each family in the mode `separate`, else one with the subnets of both. */
export function peersOf(
  lease: Lease,
  context: LeaseContext,
  settings: WireguardSettings,
  ownKey: string,
): WireguardPeerResource[] {
  const served = enabledFamilies(context.config).flatMap((parts): Served[] => {
    const addresses = peerAddresses(lease, parts)
    return addresses === undefined ? [] : [{ parts, ...addresses }]
  })
  const groups = settings.mode === 'separate' ? served.map((one) => [one]) : [served]
  return groups.flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const outer = group.find(({ parts }) => parts.family === outerFamily(group, context, settings)) ?? first
    const { PublicKey: publicKey = '', Port: port } = readPeerData(lease, first.parts, PUBLISHED)
    if (publicKey === ownKey) {
      const rule =
        "is this node's own: a cloned machine may have kept its key; delete the other node's key file"
      throw invalidField('PublicKey', publicKey, rule, describeLease(lease), 'INVALID_LEASE')
    }
    return wireguardPeer({
      device: deviceName(first.parts.family, settings),
      publicKey,
      endpoint: endpointText({
        address: outer.publicAddress,
        port: listeningPort(port, first.parts, settings),
      }),
      allowedIps: group.map(({ subnet }) => subnet),
      persistentKeepalive: settings.persistentKeepalive,
      presharedKey: settings.presharedKey !== undefined,
    })
  })
}

/**
 * The port that a peer really listens on. With one device for both families flannel listens on ListenPort, though it
 * publishes ListenPortV6 as IPv6's.
 */
function listeningPort(published: number, { family }: FamilyParts, settings: WireguardSettings): number {
  const isFlannels = settings.mode !== 'separate' && family === 6 && published === settings.listenPortV6
  return published === 0 || isFlannels ? portOf(family, settings) : published
}

/** The family of outer packets, as flannel's `auto` chooses it: what is reachable from everywhere, and IPv4 rather. */
function outerFamily(
  group: readonly Served[],
  { externalInterface }: LeaseContext,
  { mode }: WireguardSettings,
): 4 | 6 {
  if (mode === 'ipv4') return 4
  if (mode === 'ipv6') return 6
  const addressOf = (family: 4 | 6) => group.find(({ parts }) => parts.family === family)?.publicAddress
  const [ipv4, ipv6] = [addressOf(4), addressOf(6)]
  if (ipv4 === undefined || ipv6 === undefined) return ipv6 === undefined ? 4 : 6
  if (externalInterface.ipv4 !== undefined && !isPrivate(ipv4)) return 4
  const { ipv6: own } = externalInterface
  if (own === undefined) return 4
  return externalInterface.ipv4 === undefined || (!isPrivate(ipv6) && !isPrivate(own)) ? 6 : 4
}

/** RFC 1918, RFC 4193 and link-local addresses. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10']

const isPrivate = (address: string): boolean => PRIVATE.some((network) => containsAddress(network, address))
