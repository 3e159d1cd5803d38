import type { DeviceState, PeerState } from '../device.js'
import type { DevicePart } from './messages.js'

/**
 * The device that the messages of a dump describe; undefined without any. A peer whose allowed IPs did not fit into one
 * message goes on in the next, which repeats nothing of it but its key.
 */
export function joinParts(parts: readonly DevicePart[]): DeviceState | undefined {
  if (parts.length === 0) return undefined
  let device: Omit<DeviceState, 'peers'> = { privateKey: undefined, listenPort: 0, firewallMark: 0 }
  const peers: (PeerState & { allowedIps: string[] })[] = []
  for (const { peers: more, ...own } of parts) {
    device = { ...device, ...own }
    for (const peer of more) {
      const last = peers.at(-1)
      if (last?.publicKey === peer.publicKey) last.allowedIps.push(...peer.allowedIps)
      else peers.push({ ...peer, allowedIps: [...peer.allowedIps] })
    }
  }
  for (const { allowedIps } of peers) allowedIps.sort()
  return { ...device, peers }
}
