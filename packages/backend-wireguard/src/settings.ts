import type { NetworkConfig } from '@selvedge/core'
import {
  backendSection,
  type Family,
  type Field,
  integerField,
  invalidField,
  type Tunnel,
} from '@selvedge/core/kit'
import { isKey } from './driver/index.js'

const MODES = ['separate', 'auto', 'ipv4', 'ipv6'] as const

/** One device for each family, or one for both: over IPv4, over IPv6 or whichever is the likelier to work. */
const mode: Field<(typeof MODES)[number]> = {
  rule: `must be one of ${MODES.join(', ')}`,
  fallback: 'separate',
  accepts: (value) => MODES.some((known) => known === value),
}

/** A secret; empty: none. Raw, so that no message quotes it. */
const psk: Field<string | null | undefined> = {
  rule: 'must be a key of 32 bytes in base64, as `wg genpsk` prints it',
  fallback: undefined,
  accepts: (value) => value === null || value === '' || isKey(value),
  raw: true,
}

export const SECTION = backendSection('wireguard', {
  PSK: psk,
  /** UDP port of the one device, or of IPv4's. */
  ListenPort: integerField(1, 65535, 51820),
  /** UDP port of IPv6's device in the mode `separate`. */
  ListenPortV6: integerField(1, 65535, 51821),
  /** The largest outer packet, in bytes; 0: the external interface's MTU. */
  MTU: integerField(0, 65535, 0),
  Mode: mode,
  /** Seconds; 0: none. */
  PersistentKeepaliveInterval: integerField(0, 65535, 0),
})

/** The settings in force on this node, as the network config spells them. */
export type WireguardSettings = ReturnType<typeof SECTION.read>

/** Reads the Backend section. Throws an OverlayError `INVALID_CONFIG` that names the key and its rule. */
export function readSettings(config: NetworkConfig): WireguardSettings {
  const values = SECTION.read(config)
  const { Mode, ListenPort, ListenPortV6 } = values
  if ((Mode === 'ipv4' || Mode === 'ipv6') && config[Mode] === undefined) {
    throw invalidField('Mode', Mode, `IPv${Mode.slice(-1)} is off in the network config`, SECTION.where)
  }
  if (Mode === 'separate' && ListenPort === ListenPortV6) {
    throw invalidField('ListenPortV6', ListenPortV6, 'must not be ListenPort as well', SECTION.where)
  }
  return values
}

/**
 * What WireGuard adds to an inner packet, in bytes: the outer IP header (40 for IPv6), UDP 8, its own header 16, the
 * authentication tag 16. flannel and wg-quick allow for IPv6 in either family.
 */
export const tunnelOf = ({ MTU }: WireguardSettings): Tunnel => ({
  name: 'WireGuard',
  overhead: { 4: 80, 6: 80 },
  configuredMtu: MTU || undefined,
  where: SECTION.where,
})

/** The devices that there may be: the one for both families or IPv4's, and IPv6's. */
export const [DEVICE, IPV6_DEVICE] = ['flannel-wg', 'flannel-wg-v6']

/** The device that carries a family's packets, and the port that it listens on. */
export function deviceOf(family: Family, { Mode, ListenPort, ListenPortV6 }: WireguardSettings) {
  return Mode === 'separate' && family === 6
    ? { name: IPV6_DEVICE, listenPort: ListenPortV6 }
    : { name: DEVICE, listenPort: ListenPort }
}
