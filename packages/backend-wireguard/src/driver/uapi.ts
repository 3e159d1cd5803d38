import type { WireguardDeviceResource, WireguardPeerResource } from '../resource.js'

/*
 * The text protocol of userspace WireGuard (https://www.wireguard.com/xplatform/): lines of `key=value`, keys in
 * hexadecimal, an empty line at the end.
 */

/** A peer as a device has it. */
export interface UapiPeer {
  /** Base64. */
  readonly publicKey: string
  /** Base64; undefined if none is set. */
  readonly presharedKey: string | undefined
  readonly endpoint: string | undefined
  readonly persistentKeepalive: number
  /** Sorted. */
  readonly allowedIps: readonly string[]
  /** Seconds since 1970; 0: never. */
  readonly lastHandshake: number
}

/** A device as it is. */
export interface UapiDevice {
  /** Base64; undefined if none is set. A secret. */
  readonly privateKey: string | undefined
  readonly listenPort: number
  readonly peers: readonly UapiPeer[]
}

export const GET = 'get=1\n\n'

const NO_KEY = '0'.repeat(64)

const toHex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex')
const fromHex = (hex: string): string | undefined =>
  hex === NO_KEY ? undefined : Buffer.from(hex, 'hex').toString('base64')

/** Sets the private key and the port of a device, and leaves its peers. */
export const setDevice = ({ listenPort }: WireguardDeviceResource, privateKey: string): string =>
  `set=1\nprivate_key=${toHex(privateKey)}\nlisten_port=${listenPort}\n\n`

/** Makes a peer what it is to be. A peer that keeps its endpoint keeps its session. */
export function setPeer(
  peer: WireguardPeerResource,
  presharedKey: string | undefined,
  keepsEndpoint: boolean,
): string {
  return [
    'set=1',
    `public_key=${toHex(peer.publicKey)}`,
    `preshared_key=${presharedKey === undefined ? NO_KEY : toHex(presharedKey)}`,
    ...(keepsEndpoint ? [] : [`endpoint=${peer.endpoint}`]),
    `persistent_keepalive_interval=${peer.persistentKeepalive}`,
    'replace_allowed_ips=true',
    ...peer.allowedIps.map((network) => `allowed_ip=${network}`),
    '\n',
  ].join('\n')
}

export const removePeer = ({ publicKey }: WireguardPeerResource): string =>
  `set=1\npublic_key=${toHex(publicKey)}\nremove=true\n\n`

/** The errno of an answer, such as -22; undefined if it has none. */
export function errnoIn(answer: string): number | undefined {
  const [, digits] = /^errno=(-?\d+)$/m.exec(answer) ?? []
  return digits === undefined ? undefined : Number(digits)
}

/** Reads the answer to {@link GET}. */
export function readDevice(answer: string): UapiDevice {
  let privateKey: string | undefined
  let listenPort = 0
  const peers: (UapiPeer & { allowedIps: string[] })[] = []
  for (const line of answer.split('\n')) {
    const at = line.indexOf('=')
    const [name, value] = [line.slice(0, at), line.slice(at + 1)]
    const peer = peers.at(-1)
    if (name === 'private_key') privateKey = fromHex(value)
    else if (name === 'listen_port') listenPort = Number(value)
    else if (name === 'public_key')
      peers.push({ ...NO_PEER, publicKey: fromHex(value) ?? '', allowedIps: [] })
    else if (peer === undefined) continue
    else if (name === 'allowed_ip') peer.allowedIps.push(value)
    else peers[peers.length - 1] = { ...peer, ...readPeerField(name, value) }
  }
  for (const { allowedIps } of peers) allowedIps.sort()
  return { privateKey, listenPort, peers }
}

const NO_PEER = { presharedKey: undefined, endpoint: undefined, persistentKeepalive: 0, lastHandshake: 0 }

function readPeerField(name: string, value: string): Partial<Omit<UapiPeer, 'allowedIps'>> {
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
