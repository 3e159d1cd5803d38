import type { DeviceChange, DeviceState, PeerChange, PeerState } from '../device.js'

/*
 * The text protocol of userspace WireGuard (https://www.wireguard.com/xplatform/): lines of `key=value`, keys in
 * hexadecimal, an empty line at the end.
 */

export const GET = 'get=1\n\n'

const NO_KEY = '0'.repeat(64)

const toHex = (base64: string | null): string =>
  base64 === null ? NO_KEY : Buffer.from(base64, 'base64').toString('hex')
const fromHex = (hex: string): string | undefined =>
  hex === NO_KEY ? undefined : Buffer.from(hex, 'hex').toString('base64')

/** Changes a device, with all of its peers in one request. */
export function setRequest({
  privateKey,
  listenPort,
  firewallMark,
  replacePeers,
  peers = [],
}: DeviceChange): string {
  const lines = ['set=1']
  if (privateKey !== undefined) lines.push(`private_key=${toHex(privateKey)}`)
  if (listenPort !== undefined) lines.push(`listen_port=${listenPort}`)
  if (firewallMark !== undefined) lines.push(`fwmark=${firewallMark}`)
  if (replacePeers === true) lines.push('replace_peers=true')
  for (const peer of peers) addPeer(lines, peer)
  return `${lines.join('\n')}\n\n`
}

function addPeer(lines: string[], peer: PeerChange): void {
  lines.push(`public_key=${toHex(peer.publicKey)}`)
  if (peer.remove === true) lines.push('remove=true')
  if (peer.updateOnly === true) lines.push('update_only=true')
  if (peer.presharedKey !== undefined) lines.push(`preshared_key=${toHex(peer.presharedKey)}`)
  if (peer.endpoint !== undefined) lines.push(`endpoint=${peer.endpoint}`)
  if (peer.persistentKeepalive !== undefined) {
    lines.push(`persistent_keepalive_interval=${peer.persistentKeepalive}`)
  }
  if (peer.allowedIps === undefined) return
  lines.push('replace_allowed_ips=true')
  for (const network of peer.allowedIps) lines.push(`allowed_ip=${network}`)
}

/** The errno of an answer, such as -22; undefined if it has none. */
export function errnoIn(answer: string): number | undefined {
  const [, digits] = /^errno=(-?\d+)$/m.exec(answer) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** Reads the answer to {@link GET}. */
export function readDevice(answer: string): DeviceState {
  let privateKey: string | undefined
  let listenPort = 0
  let firewallMark = 0
  const peers: (PeerState & { allowedIps: string[] })[] = []
  for (const line of answer.split('\n')) {
    const at = line.indexOf('=')
    const [name, value] = [line.slice(0, at), line.slice(at + 1)]
    const peer = peers.at(-1)
    if (name === 'private_key') privateKey = fromHex(value)
    else if (name === 'listen_port') listenPort = Number(value)
    else if (name === 'fwmark') firewallMark = Number(value)
    else if (name === 'public_key')
      peers.push({ ...NO_PEER, publicKey: fromHex(value) ?? '', allowedIps: [] })
    else if (peer === undefined) continue
    else if (name === 'allowed_ip') peer.allowedIps.push(value)
    else peers[peers.length - 1] = { ...peer, ...readPeerField(name, value) }
  }
  for (const { allowedIps } of peers) allowedIps.sort()
  return { privateKey, listenPort, firewallMark, peers }
}

const NO_PEER = { presharedKey: undefined, endpoint: undefined, persistentKeepalive: 0, lastHandshake: 0 }

function readPeerField(name: string, value: string): Partial<Omit<PeerState, 'allowedIps'>> {
  switch (name) {
    case 'preshared_key':
      return { presharedKey: fromHex(value) }
    case 'endpoint':
      return { endpoint: value }
    case 'persistent_keepalive_interval':
      return { persistentKeepalive: Number(value) }
    case 'last_handshake_time_sec':
      return { lastHandshake: Number(value) }
    default:
      return {}
  }
}
