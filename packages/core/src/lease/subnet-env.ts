import { addressAt, formatCidr, parseCidr, requireCidr } from '../net/cidr.js'
import type { LeaseSubnets } from './lease.js'
import type { NetworkConfig } from './network-config.js'

/** What subnet.env says to the CNI plugin, and to the next start of this node. */
export interface SubnetEnv extends LeaseSubnets {
  /** The whole IPv4 network. */
  readonly network?: string | undefined
  /** The whole IPv6 network. */
  readonly ipv6Network?: string | undefined
  /** For pods, in bytes. */
  readonly mtu: number
  /** Whether the overlay's agent masquerades; if not, the CNI plugin does. */
  readonly ipMasq: boolean
}

/** The file's text as flannel writes it: same lines, same order, the first address of a subnet rather than its base. */
export function formatSubnetEnv(
  config: NetworkConfig,
  env: Omit<SubnetEnv, 'network' | 'ipv6Network'>,
): string {
  const lines: string[] = []
  if (config.ipv4 !== undefined && env.subnet !== undefined) {
    lines.push(`FLANNEL_NETWORK=${config.ipv4.network}`, `FLANNEL_SUBNET=${firstAddress(env.subnet)}`)
  }
  if (config.ipv6 !== undefined && env.ipv6Subnet !== undefined) {
    lines.push(
      `FLANNEL_IPV6_NETWORK=${config.ipv6.network}`,
      `FLANNEL_IPV6_SUBNET=${firstAddress(env.ipv6Subnet)}`,
    )
  }
  lines.push(`FLANNEL_MTU=${env.mtu}`, `FLANNEL_IPMASQ=${env.ipMasq}`)
  return `${lines.join('\n')}\n`
}

/** `10.244.5.1/24` of `10.244.5.0/24`. */
function firstAddress(subnet: string): string {
  return `${addressAt(subnet, 1n)}/${requireCidr(subnet).length}`
}

/** The length of the largest IPv4 packet (RFC 791). */
const MAX_MTU = 65_535

/** A subnet.env in which each variable may hold a list, as flannel v0.21 and v0.22 wrote them. */
export interface SubnetEnvLists {
  /** The whole IPv4 networks. */
  readonly networks: readonly string[]
  /** The node's; in canonical form, as the networks are. */
  readonly subnets: readonly string[]
  /** The whole IPv6 networks. */
  readonly ipv6Networks: readonly string[]
  /** The node's of IPv6. */
  readonly ipv6Subnets: readonly string[]
  /** For pods, in bytes; from 1 to 65,535 (RFC 791). Undefined if there is no valid one. */
  readonly mtu: number | undefined
  /** True for `true` alone. Undefined if there is no such line. */
  readonly ipMasq: boolean | undefined
}

/**
 * Reads the text of a subnet.env, whoever wrote it. Unknown lines and values that cannot be read are ignored, since the
 * subnets in it are only ever a preference. As flannel does, it takes the one valid CIDR of a comma-separated list, and
 * none if there are several.
 */
export function parseSubnetEnv(text: string): Partial<SubnetEnv> {
  const { networks, subnets, ipv6Networks, ipv6Subnets, mtu, ipMasq } = parseSubnetEnvLists(text)
  return {
    network: onlyOne(networks),
    subnet: onlyOne(subnets),
    ipv6Network: onlyOne(ipv6Networks),
    ipv6Subnet: onlyOne(ipv6Subnets),
    ...(mtu !== undefined && { mtu }),
    ...(ipMasq !== undefined && { ipMasq }),
  }
}

const onlyOne = ([first, ...others]: readonly string[]): string | undefined =>
  others.length > 0 ? undefined : first

/** The same, with every valid CIDR of a comma-separated list. */
export function parseSubnetEnvLists(text: string): SubnetEnvLists {
  const values = variablesOf(text)
  const cidrs = (name: string, family: 4 | 6): readonly string[] => {
    const valid = (values.get(name) ?? '').split(',').flatMap((item) => parseCidr(item) ?? [])
    return valid.filter((parsed) => parsed.family === family).map(formatCidr)
  }
  const mtu = /^\d{1,5}$/.test(values.get('FLANNEL_MTU') ?? '') ? Number(values.get('FLANNEL_MTU')) : 0
  const ipMasq = values.get('FLANNEL_IPMASQ')
  return {
    networks: cidrs('FLANNEL_NETWORK', 4),
    subnets: cidrs('FLANNEL_SUBNET', 4),
    ipv6Networks: cidrs('FLANNEL_IPV6_NETWORK', 6),
    ipv6Subnets: cidrs('FLANNEL_IPV6_SUBNET', 6),
    mtu: mtu > 0 && mtu <= MAX_MTU ? mtu : undefined,
    ipMasq: ipMasq === undefined ? undefined : ipMasq === 'true',
  }
}

/** The variables of flannel, without quotes. */
function variablesOf(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    const name = line.slice(0, Math.max(0, equals)).trim()
    const value = line
      .slice(equals + 1)
      .trim()
      .replace(/^"|"$/g, '')
    if (/^FLANNEL_\w+$/.test(name) && !/["\s]/.test(value)) values.set(name, value)
  }
  return values
}
