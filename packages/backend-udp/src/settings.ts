import type { NetworkConfig } from '@selvedge/core'
import {
  anything,
  backendSection,
  checkOptions,
  integerField,
  path,
  record,
  requireNamespacePath,
  type Tunnel,
} from '@selvedge/core/kit'
import type { ProxyCounters } from './proxy/counters.js'

/** The port, which the network config may say instead, and where the proxy runs. */
export interface UdpOptions {
  /**
   * `Port`: the UDP port that nodes send from and receive on, the same on every node. 1 to 65535; 0 or absent: 8285,
   * flannel's. Overrides the network config's.
   */
  readonly port?: number | undefined
  /**
   * The network namespace of the Linux driver, if it has one: a path such as `/run/netns/blue`. Needs CAP_SYS_ADMIN.
   * Default: this process's own.
   */
  readonly namespace?: string | undefined
  /** What the proxy adds its counts to; several backends may share one. Default: none that can be read. */
  readonly counters?: ProxyCounters | undefined
}

/** flannel's. */
const DEFAULT_PORT = 8285

export const SECTION = backendSection('udp', { Port: integerField(0, 65535, undefined) })

export type Given = ReturnType<typeof SECTION.read>

/** Checks the options of the factory. */
export function readOptions(given: UdpOptions): Given {
  checkOptions<UdpOptions>('udp()', given, { port: anything, namespace: path, counters: record })
  requireNamespacePath('udp()', given.namespace)
  const { namespace: _, counters: __, ...options } = given
  return SECTION.options(options)
}

/** The port of a network: the option, else the config's, else the default. */
export const portOf = (config: NetworkConfig, options: Given): number =>
  (options.Port ?? SECTION.read(config).Port) || DEFAULT_PORT

/** What an outer packet adds to an inner one, in bytes: an IP header (RFC 791, RFC 8200) and 8 for UDP (RFC 768). */
export const TUNNEL: Tunnel = { name: 'UDP', overhead: { 4: 28, 6: 48 }, where: SECTION.where }
