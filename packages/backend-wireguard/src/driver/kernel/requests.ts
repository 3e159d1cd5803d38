import type { DeviceChange, PeerChange } from '../device.js'

/** A peer in a message: all of a change, or what did not fit into the message before. */
export interface PeerRequest extends Omit<PeerChange, 'allowedIps'> {
  /** Removes those that it has first. */
  readonly replaceAllowedIps?: boolean | undefined
  /** CIDRs, which are added. */
  readonly allowedIps: readonly string[]
}

/** One message of a change. */
export interface DeviceRequest extends Omit<DeviceChange, 'peers'> {
  readonly device: string
  readonly peers: readonly PeerRequest[]
}

/** How long a message may be, roughly. An attribute, such as all of its peers, has at most 65,535 bytes. */
const MAX_BYTES = 16 << 10
/** A peer with everything but its allowed IPs, and one of these, of IPv6. */
const PEER_BYTES = 132
const ALLOWED_IP_BYTES = 40
const MAX_ALLOWED_IPS = 256

/** The messages of a change, in their order: each is as long as it may be. */
export function requestsOf(device: string, { peers = [], ...settings }: DeviceChange): DeviceRequest[] {
  const requests: (DeviceRequest & { peers: PeerRequest[] })[] = [{ device, ...settings, peers: [] }]
  let bytes = 0
  for (const part of peers.flatMap(partsOf)) {
    const needs = PEER_BYTES + part.allowedIps.length * ALLOWED_IP_BYTES
    if (bytes > 0 && bytes + needs > MAX_BYTES) {
      requests.push({ device, peers: [] })
      bytes = 0
    }
    requests.at(-1)?.peers.push(part)
    bytes += needs
  }
  return requests
}

function partsOf({ allowedIps, ...peer }: PeerChange): PeerRequest[] {
  const first: PeerRequest = {
    ...peer,
    replaceAllowedIps: allowedIps !== undefined,
    allowedIps: allowedIps?.slice(0, MAX_ALLOWED_IPS) ?? [],
  }
  const parts = [first]
  for (let at = MAX_ALLOWED_IPS; at < (allowedIps?.length ?? 0); at += MAX_ALLOWED_IPS) {
    const more = allowedIps?.slice(at, at + MAX_ALLOWED_IPS) ?? []
    parts.push({ publicKey: peer.publicKey, updateOnly: true, allowedIps: more })
  }
  return parts
}
