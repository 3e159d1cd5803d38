import type { NetworkConfig } from '@selvedge/core'
import {
  type FieldValues,
  integerField,
  readFields,
  type Tunnel,
  unknownKeyWarnings,
} from '@selvedge/core/kit'
import type { ProxyCounters } from './proxy/counters.js'

export interface UdpOptions {
  /**
   * `Port`: the UDP port that nodes send from and receive on, the same on every node. 1 to 65535; 0 or absent: 8285,
   * flannel's. Overrides the network config's.
   */
  readonly port?: number | undefined
  /** The network namespace of the Linux driver, if it has one: a path such as `/run/netns/blue`. Needs CAP_SYS_ADMIN. */
  readonly namespace?: string | undefined
  /** What the proxy adds its counts to; several backends may share one. Default: none that can be read. */
  readonly counters?: ProxyCounters | undefined
}

const WHERE = 'the udp settings'
/** flannel's. */
const DEFAULT_PORT = 8285

const fields = { Port: integerField(0, 65535, undefined) }

export type Given = FieldValues<typeof fields>

/** Checks the options of the factory. */
export function readOptions({ namespace: _, counters: __, ...options }: UdpOptions): Given {
  const { values, unknownKeys } = readFields(fields, options, 'the options of udp()')
  if (unknownKeys.length > 0) {
    throw new TypeError(`udp() has no option ${unknownKeys.join(', ')}; it has port, namespace and counters`)
  }
  return values
}

/** The port of a network: the option, else the config's, else the default. */
export function portOf({ backend }: NetworkConfig, options: Given): number {
  const { values } = readFields(fields, backend?.options ?? {}, WHERE)
  return (options.Port ?? values.Port) || DEFAULT_PORT
}

/** A warning for each unknown key of the Backend section. */
export function settingsWarnings({ backend }: NetworkConfig): readonly string[] {
  const { unknownKeys } = readFields(fields, backend?.options ?? {}, WHERE)
  return unknownKeyWarnings(unknownKeys, fields, WHERE)
}

/** What an outer packet adds to an inner one, in bytes: an IP header (RFC 791, RFC 8200) and 8 for UDP (RFC 768). */
export const TUNNEL: Tunnel = { name: 'UDP', overhead: { 4: 28, 6: 48 }, where: WHERE }
