import { type NetworkConfig, type NodeContext, OverlayError } from '@selvedge/core'
import { backendSection, booleanField, type Field, tunnelPodMtu } from '@selvedge/core/kit'

/** The settings in force on this node. */
export interface IpsecSettings {
  /** Whether ESP travels in UDP, to port 4500, though no NAT is in between. */
  readonly udpEncap: boolean
  /** In strongSwan's notation. */
  readonly espProposal: string
  /** A secret. */
  readonly psk: string
}

/** flannel's. */
const MIN_PSK_BYTES = 96

/** Raw, so that no message quotes it. */
const psk: Field<unknown> = {
  rule: `must be text of ${MIN_PSK_BYTES} bytes or more, such as \`openssl rand -hex 48\` prints, the same on every node`,
  fallback: undefined,
  accepts: (value) => typeof value === 'string' && Buffer.byteLength(value) >= MIN_PSK_BYTES,
  raw: true,
}

const espProposal: Field<string> = {
  rule: "must be an ESP proposal in strongSwan's notation, such as aes128gcm16-sha256-prfsha256-ecp256",
  fallback: 'aes128gcm16-sha256-prfsha256-ecp256',
  accepts: (value) =>
    typeof value === 'string' && /^[a-z0-9_]+(-[a-z0-9_]+)*$/i.test(value) && value.length < 256,
}

export const SECTION = backendSection('ipsec', {
  UDPEncap: booleanField(false),
  ESPProposal: espProposal,
  PSK: psk,
})

/** Reads the Backend section. Throws an OverlayError `INVALID_CONFIG` that names the key and its rule. */
export function readSettings(config: NetworkConfig): IpsecSettings {
  const values = SECTION.read(config)
  if (typeof values.PSK !== 'string')
    throw new OverlayError('INVALID_CONFIG', `in ${SECTION.where}, PSK ${psk.rule}`)
  return { udpEncap: values.UDPEncap, espProposal: values.ESPProposal, psk: values.PSK }
}

/**
 * flannel's: the outer IPv4 header 20, ESP's SPI and sequence number 8, and for AES-CBC with SHA-256 an IV of 16, padding
 * up to 15, its length and the next header 2, the check value 16. An outer IPv6 header has 20 more.
 */
const OVERHEAD = { 4: 77, 6: 97 } as const
/** UDP's header. */
const ENCAP_OVERHEAD = 8
/** TUN_DEFAULT_MTU of strongSwan's kernel-libipsec. */
const TUN_MTU = 1400

/** The MTU for pods. kernel-libipsec always encapsulates in UDP, and its TUN device has an MTU of its own. */
export function podMtu(context: NodeContext, userspace: boolean): number {
  const encap = userspace || readSettings(context.config).udpEncap ? ENCAP_OVERHEAD : 0
  const overhead = { 4: OVERHEAD[4] + encap, 6: OVERHEAD[6] + encap }
  const mtu = tunnelPodMtu(context, { name: 'IPsec', overhead, where: SECTION.where })
  return userspace ? Math.min(mtu, TUN_MTU) : mtu
}
