import type { DeviceChange, DeviceState, PeerChange, PeerState } from './device.js'
import { keepsEndpoint } from './endpoint.js'
import { keyPairOf } from './keys.js'
import type { WireguardDeviceResource, WireguardPeerResource } from './resource.js'

/** What a driver knows besides resources. */
export interface Secrets {
  /** Base64. */
  readonly privateKey: string
  /** Base64; undefined: none. */
  readonly presharedKey?: string | undefined
}

/** What makes a device what it is to be; undefined if it is that already. Its peers stay. */
export function deviceChange(
  { publicKey, listenPort, firewallMark }: WireguardDeviceResource,
  found: DeviceState | undefined,
  { privateKey }: Secrets,
): DeviceChange | undefined {
  return ifAny({
    // A device reports its private key clamped (RFC 7748, 5), and ends its sessions if it is set again as it was.
    privateKey: publicKeyOf(found) === publicKey ? undefined : privateKey,
    listenPort: found?.listenPort === listenPort ? undefined : listenPort,
    firewallMark: found?.firewallMark === firewallMark ? undefined : firewallMark,
  })
}

/**
 * What makes a peer what it is to be; undefined if it is that already. What is as desired is not set again: a peer keeps
 * its session and, while it has one, the endpoint that its packets come from.
 *
 * @param last the endpoint that this driver set last; undefined if the peer was there before it
 */
export function peerChange(
  peer: WireguardPeerResource,
  found: PeerState | undefined,
  { presharedKey }: Secrets,
  last: string | undefined,
  nowS: number,
): PeerChange | undefined {
  const { publicKey, endpoint, persistentKeepalive, allowedIps } = peer
  if (found === undefined) {
    return { publicKey, presharedKey: presharedKey ?? null, endpoint, persistentKeepalive, allowedIps }
  }
  const keeps = found.endpoint === endpoint || keepsEndpoint(found, last, endpoint, nowS)
  const change = ifAny({
    presharedKey: found.presharedKey === presharedKey ? undefined : (presharedKey ?? null),
    endpoint: keeps ? undefined : endpoint,
    persistentKeepalive: found.persistentKeepalive === persistentKeepalive ? undefined : persistentKeepalive,
    allowedIps: isSame(found.allowedIps, allowedIps) ? undefined : allowedIps,
  })
  return change && { publicKey, updateOnly: true, ...change }
}

const publicKeyOf = (device: DeviceState | undefined): string | undefined =>
  device?.privateKey === undefined ? undefined : keyPairOf(device.privateKey).publicKey

const ifAny = <T extends object>(change: T): T | undefined =>
  Object.values(change).every((value) => value === undefined) ? undefined : change

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((one, at) => one === b[at])
