import type { Resource } from '@selvedge/core'
import { canonicalCidr } from '@selvedge/core/kit'

/** What a WireGuard device has besides what every link has. Its link is a resource of its own. */
export interface WireguardDeviceResource extends Resource {
  readonly kind: 'wireguard-device'
  /** The name of its link, such as `flannel-wg`. */
  readonly name: string
  /** Base64. The private key that belongs to it is the driver's alone. */
  readonly publicKey: string
  /** UDP port, 1 to 65535. */
  readonly listenPort: number
  /** Mark of its outer packets, 32 bits; 0: none. */
  readonly firewallMark: number
}

/** A peer of a WireGuard device. The device identifies it by its public key. */
export interface WireguardPeerResource extends Resource {
  readonly kind: 'wireguard-peer'
  /** The name of its device's link. */
  readonly device: string
  /** Base64. */
  readonly publicKey: string
  /** Where it is expected, such as `192.0.2.7:51820` or `[2001:db8::7]:51820`. It may have roamed since. */
  readonly endpoint: string
  /** CIDRs, sorted: what it may send from, and what is sent to it. */
  readonly allowedIps: readonly string[]
  /** Seconds between keepalives, 0 to 65535; 0: none. */
  readonly persistentKeepalive: number
  /** Whether the network's PSK protects it. The PSK itself is the driver's alone. */
  readonly presharedKey: boolean
}

/** What the driver of WireGuard holds. */
export type WireguardResource = WireguardDeviceResource | WireguardPeerResource

export const isPeer = (resource: Resource): resource is WireguardPeerResource =>
  resource.kind === 'wireguard-peer'

export function wireguardDevice(
  fields: Omit<WireguardDeviceResource, 'kind' | 'key'>,
): WireguardDeviceResource {
  return { kind: 'wireguard-device', key: `wireguard-device ${fields.name}`, ...fields }
}

export function wireguardPeer(fields: Omit<WireguardPeerResource, 'kind' | 'key'>): WireguardPeerResource {
  return {
    kind: 'wireguard-peer',
    key: `wireguard-peer ${fields.device} ${fields.publicKey}`,
    ...fields,
    allowedIps: fields.allowedIps.map(canonicalCidr).sort(),
  }
}
