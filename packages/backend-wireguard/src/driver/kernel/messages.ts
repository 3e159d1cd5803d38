import {
  type AttributeReader,
  beginGeneric,
  GENERIC_HEADER_LENGTH,
  type MessageReader,
  type MessageWriter,
  malformed,
} from '@selvedge/dataplane-linux/kit'
import type { DeviceState, PeerState } from '../device.js'
import { endpointText } from '../endpoint.js'
import type { DeviceRequest, PeerRequest } from './requests.js'

/** include/uapi/linux/wireguard.h */
const WG_CMD_GET_DEVICE = 0
const WG_CMD_SET_DEVICE = 1
const WG_GENL_VERSION = 1
const WG_KEY_LENGTH = 32

const WGDEVICE_A_IFNAME = 2
const WGDEVICE_A_PRIVATE_KEY = 3
const WGDEVICE_A_FLAGS = 5
const WGDEVICE_A_LISTEN_PORT = 6
const WGDEVICE_A_FWMARK = 7
const WGDEVICE_A_PEERS = 8
const WGDEVICE_F_REPLACE_PEERS = 1

const WGPEER_A_PUBLIC_KEY = 1
const WGPEER_A_PRESHARED_KEY = 2
const WGPEER_A_FLAGS = 3
const WGPEER_A_ENDPOINT = 4
const WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL = 5
const WGPEER_A_LAST_HANDSHAKE_TIME = 6
const WGPEER_A_ALLOWEDIPS = 9
const WGPEER_F_REMOVE_ME = 1
const WGPEER_F_REPLACE_ALLOWEDIPS = 2
const WGPEER_F_UPDATE_ONLY = 4

const WGALLOWEDIP_A_FAMILY = 1
const WGALLOWEDIP_A_IPADDR = 2
const WGALLOWEDIP_A_CIDR_MASK = 3

/** The kernel does not look at the type of the members of a list. */
const MEMBER = 0
const AF_INET = 2
const AF_INET6 = 10
const NO_KEY = Buffer.alloc(WG_KEY_LENGTH)

/** A message of a dump: of a device with many peers or allowed IPs, only the first has what is the device's own. */
export interface DevicePart extends Partial<Omit<DeviceState, 'peers'>> {
  readonly peers: readonly PeerState[]
}

export function writeGetDevice(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  family: number,
  device: string,
): void {
  beginGeneric(writer, flags, sequence, { family, command: WG_CMD_GET_DEVICE, version: WG_GENL_VERSION })
  writer.attributeText(WGDEVICE_A_IFNAME, device)
  writer.end()
}

/** Attributes are in the order of `wg set`. Throws a TypeError for an address that is none. */
export function writeSetDevice(
  writer: MessageWriter,
  flags: number,
  sequence: number,
  family: number,
  { device, privateKey, listenPort, firewallMark, replacePeers, peers }: DeviceRequest,
): void {
  beginGeneric(writer, flags, sequence, { family, command: WG_CMD_SET_DEVICE, version: WG_GENL_VERSION })
  writer.attributeText(WGDEVICE_A_IFNAME, device)
  if (privateKey !== undefined) writer.attributeBytes(WGDEVICE_A_PRIVATE_KEY, bytesOf(privateKey))
  if (listenPort !== undefined) writer.attributeU16(WGDEVICE_A_LISTEN_PORT, listenPort)
  if (firewallMark !== undefined) writer.attributeU32(WGDEVICE_A_FWMARK, firewallMark)
  if (replacePeers === true) writer.attributeU32(WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS)
  if (peers.length > 0) {
    const list = writer.beginNest(WGDEVICE_A_PEERS)
    for (const peer of peers) writePeer(writer, peer)
    writer.endNest(list)
  }
  writer.end()
}

function writePeer(writer: MessageWriter, peer: PeerRequest): void {
  const { publicKey, presharedKey, endpoint, persistentKeepalive, allowedIps } = peer
  const member = writer.beginNest(MEMBER)
  writer.attributeBytes(WGPEER_A_PUBLIC_KEY, bytesOf(publicKey))
  if (presharedKey !== undefined) writer.attributeBytes(WGPEER_A_PRESHARED_KEY, bytesOf(presharedKey))
  if (endpoint !== undefined) {
    const [address, port] = partsOf(endpoint)
    writer.attributeSocketAddress(WGPEER_A_ENDPOINT, address, port)
  }
  if (persistentKeepalive !== undefined) {
    writer.attributeU16(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, persistentKeepalive)
  }
  const flags =
    (peer.remove === true ? WGPEER_F_REMOVE_ME : 0) |
    (peer.replaceAllowedIps === true ? WGPEER_F_REPLACE_ALLOWEDIPS : 0) |
    (peer.updateOnly === true ? WGPEER_F_UPDATE_ONLY : 0)
  if (flags !== 0) writer.attributeU32(WGPEER_A_FLAGS, flags)
  if (allowedIps.length > 0) {
    const list = writer.beginNest(WGPEER_A_ALLOWEDIPS)
    for (const network of allowedIps) writeAllowedIp(writer, network)
    writer.endNest(list)
  }
  writer.endNest(member)
}

function writeAllowedIp(writer: MessageWriter, network: string): void {
  const slash = network.indexOf('/')
  const address = network.slice(0, slash)
  const member = writer.beginNest(MEMBER)
  writer.attributeU16(WGALLOWEDIP_A_FAMILY, address.includes(':') ? AF_INET6 : AF_INET)
  writer.attributeAddress(WGALLOWEDIP_A_IPADDR, address)
  writer.attributeU8(WGALLOWEDIP_A_CIDR_MASK, Number(network.slice(slash + 1)))
  writer.endNest(member)
}

/** Reads one message of the answer to {@link writeGetDevice}. */
export function readDevicePart(message: MessageReader): DevicePart {
  const attributes = message.attributesAfter(GENERIC_HEADER_LENGTH)
  let part: Partial<DeviceState> = {}
  const peers: PeerState[] = []
  while (attributes.next()) {
    switch (attributes.type) {
      case WGDEVICE_A_PRIVATE_KEY:
        part = { ...part, privateKey: readKey(attributes) }
        break
      case WGDEVICE_A_LISTEN_PORT:
        part = { ...part, listenPort: attributes.u16() }
        break
      case WGDEVICE_A_FWMARK:
        part = { ...part, firewallMark: attributes.u32() }
        break
      case WGDEVICE_A_PEERS: {
        const list = attributes.nested()
        while (list.next()) peers.push(readPeer(list.nested()))
        break
      }
    }
  }
  return { ...part, peers }
}

function readPeer(attributes: AttributeReader): PeerState {
  let publicKey: string | undefined
  let presharedKey: string | undefined
  let endpoint: string | undefined
  let persistentKeepalive = 0
  let lastHandshake = 0
  const allowedIps: string[] = []
  while (attributes.next()) {
    switch (attributes.type) {
      case WGPEER_A_PUBLIC_KEY:
        publicKey = readKey(attributes)
        break
      case WGPEER_A_PRESHARED_KEY:
        presharedKey = readKey(attributes)
        break
      case WGPEER_A_ENDPOINT:
        endpoint = endpointText(attributes.socketAddress())
        break
      case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
        persistentKeepalive = attributes.u16()
        break
      case WGPEER_A_LAST_HANDSHAKE_TIME:
        lastHandshake = attributes.i64()
        break
      case WGPEER_A_ALLOWEDIPS: {
        const list = attributes.nested()
        while (list.next()) allowedIps.push(readAllowedIp(list.nested()))
        break
      }
    }
  }
  if (publicKey === undefined) throw malformed('a WireGuard peer without a public key')
  return { publicKey, presharedKey, endpoint, persistentKeepalive, allowedIps, lastHandshake }
}

function readAllowedIp(attributes: AttributeReader): string {
  let address: string | undefined
  let prefixLength: number | undefined
  while (attributes.next()) {
    if (attributes.type === WGALLOWEDIP_A_IPADDR) address = attributes.address()
    else if (attributes.type === WGALLOWEDIP_A_CIDR_MASK) prefixLength = attributes.u8()
  }
  if (address === undefined || prefixLength === undefined) throw malformed('half an allowed IP of WireGuard')
  return `${address}/${prefixLength}`
}

/** `192.0.2.7:51820` or `[2001:db8::7]:51820`. */
function partsOf(endpoint: string): readonly [address: string, port: number] {
  const colon = endpoint.lastIndexOf(':')
  return [endpoint.slice(0, colon).replace(/^\[|\]$/g, ''), Number(endpoint.slice(colon + 1))]
}

const bytesOf = (key: string | null): Uint8Array => (key === null ? NO_KEY : Buffer.from(key, 'base64'))

/** All zero means none. */
function readKey(attribute: AttributeReader): string | undefined {
  const bytes = attribute.bytes()
  if (bytes.length !== WG_KEY_LENGTH) throw malformed(`a WireGuard key of ${bytes.length} bytes`)
  return bytes.equals(NO_KEY) ? undefined : bytes.toString('base64')
}
