import type { NetworkConfig } from '@selvedge/core'
import {
  enabledFamilies,
  type Family,
  type Field,
  integerField,
  invalidField,
  readFields,
  type Tunnel,
  unknownKeyWarnings,
} from '@selvedge/core/kit'
import { isKey } from './driver/index.js'

const MODES = ['separate', 'auto', 'ipv4', 'ipv6'] as const

/** One device for each family, or one for both, over IPv4, over IPv6 or whichever is the likelier to work. */
export type Mode = (typeof MODES)[number]

/** The settings in force on this node. */
export interface WireguardSettings {
  readonly mode: Mode
  /** UDP port of the one device, or of IPv4's. */
  readonly listenPort: number
  /** UDP port of IPv6's device in the mode `separate`. */
  readonly listenPortV6: number
  /** Base64; a secret. */
  readonly presharedKey: string | undefined
  /** Seconds; 0: none. */
  readonly persistentKeepalive: number
  /** The largest outer packet, in bytes; undefined: the external interface's MTU. */
  readonly mtu: number | undefined
}

const WHERE = 'the wireguard settings'

const mode: Field<Mode | undefined> = {
  rule: `must be one of ${MODES.join(', ')}`,
  fallback: undefined,
  accepts: (value) => MODES.some((known) => known === value),
}

/** Raw, so that no message quotes it. */
const psk: Field<string | null | undefined> = {
  rule: 'must be a key of 32 bytes in base64, as `wg genpsk` prints it',
  fallback: undefined,
  accepts: (value) => value === null || value === '' || isKey(value),
  raw: true,
}

const fields = {
  PSK: psk,
  ListenPort: integerField(1, 65535, 51820),
  ListenPortV6: integerField(1, 65535, 51821),
  MTU: integerField(0, 65535, 0),
  Mode: mode,
  PersistentKeepaliveInterval: integerField(0, 65535, 0),
}

/** Reads the Backend section. Throws an OverlayError `INVALID_CONFIG` that names the key and its rule. */
export function readSettings(config: NetworkConfig): WireguardSettings {
  const { values } = readFields(fields, config.backend?.options ?? {}, WHERE)
  const settings: WireguardSettings = {
    mode: values.Mode ?? 'separate',
    listenPort: values.ListenPort,
    listenPortV6: values.ListenPortV6,
    presharedKey: values.PSK || undefined,
    persistentKeepalive: values.PersistentKeepaliveInterval,
    mtu: values.MTU || undefined,
  }
  const outer = settings.mode === 'ipv4' ? 4 : settings.mode === 'ipv6' ? 6 : undefined
  if (outer !== undefined && !enabledFamilies(config).some(({ family }) => family === outer)) {
    throw invalidField('Mode', settings.mode, `IPv${outer} is off in the network config`, WHERE)
  }
  if (settings.mode === 'separate' && settings.listenPort === settings.listenPortV6) {
    throw invalidField('ListenPortV6', settings.listenPortV6, 'must not be ListenPort as well', WHERE)
  }
  return settings
}

/** A warning for each unknown key of the Backend section. */
export function settingsWarnings(config: NetworkConfig): readonly string[] {
  const { unknownKeys } = readFields(fields, config.backend?.options ?? {}, WHERE)
  return unknownKeyWarnings(unknownKeys, fields, WHERE)
}

/**
 * What WireGuard adds to an inner packet, in bytes: the outer IP header (40 for IPv6), UDP 8, its own header 16, the
 * authentication tag 16. flannel and wg-quick allow for IPv6 in either family.
 */
export const tunnelOf = ({ mtu }: WireguardSettings): Tunnel => ({
  name: 'WireGuard',
  overhead: { 4: 80, 6: 80 },
  configuredMtu: mtu,
  where: WHERE,
})

const DEVICE = 'flannel-wg'
const IPV6_DEVICE = 'flannel-wg-v6'

/** The devices that there may be. */
export const DEVICE_NAMES: readonly string[] = [DEVICE, IPV6_DEVICE]

/** The device that carries a family's packets: `flannel-wg`, and in the mode `separate` `flannel-wg-v6` for IPv6. */
export const deviceName = (family: Family, settings: WireguardSettings): string =>
  settings.mode === 'separate' && family === 6 ? IPV6_DEVICE : DEVICE

/** The port that this device listens on. */
export const portOf = (family: Family, settings: WireguardSettings): number =>
  settings.mode === 'separate' && family === 6 ? settings.listenPortV6 : settings.listenPort
