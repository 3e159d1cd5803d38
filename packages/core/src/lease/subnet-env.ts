import { randomUUID } from 'node:crypto'
import * as nodeFs from 'node:fs/promises'
import { dirname } from 'node:path'
import { addressAt, formatCidr, parseCidr, requireCidr } from '../net/cidr.js'
import type { LeaseSubnets } from './lease.js'
import type { NetworkConfig } from './network-config.js'

/** What subnet.env tells the CNI plugin, and the next start of this node. */
export interface SubnetEnv extends LeaseSubnets {
  /** The whole IPv4 network. */
  readonly network?: string | undefined
  readonly ipv6Network?: string | undefined
  /** For pods, in bytes. */
  readonly mtu: number
  /** Whether the overlay's agent masquerades; the CNI plugin does where not. */
  readonly ipMasq: boolean
}

/** The parts of `node:fs/promises` that reading and writing take; a test injects its own. */
export type SubnetEnvFs = Pick<typeof nodeFs, 'mkdir' | 'open' | 'rename' | 'rm' | 'readFile'>

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

/**
 * Reads the text of a subnet.env, by whatever hand it was written: unknown lines and lines that hold no CIDR are
 * passed over, since the subnets in it are only ever a preference.
 */
export function parseSubnetEnv(text: string): Partial<SubnetEnv> {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^\s*(FLANNEL_\w+)\s*=\s*"?([^"\s]*)"?\s*$/.exec(line) ?? []
    values.set(name, value)
  }
  const cidr = (name: string, family: 4 | 6): string | undefined => {
    const parsed = parseCidr(values.get(name) ?? '')
    return parsed?.family === family ? formatCidr(parsed) : undefined
  }
  const mtu = Number(values.get('FLANNEL_MTU'))
  const ipMasq = values.get('FLANNEL_IPMASQ')
  return {
    network: cidr('FLANNEL_NETWORK', 4),
    subnet: cidr('FLANNEL_SUBNET', 4),
    ipv6Network: cidr('FLANNEL_IPV6_NETWORK', 6),
    ipv6Subnet: cidr('FLANNEL_IPV6_SUBNET', 6),
    ...(Number.isInteger(mtu) && mtu > 0 && { mtu }),
    ...(ipMasq !== undefined && { ipMasq: ipMasq === 'true' }),
  }
}

/** Reads a subnet.env file; undefined where there is none. Other failures to read are thrown as they come. */
export async function readSubnetEnv(
  path: string,
  fs: SubnetEnvFs = nodeFs,
): Promise<Partial<SubnetEnv> | undefined> {
  try {
    return parseSubnetEnv(await fs.readFile(path, 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Writes a subnet.env so that a reader sees the old text or the new one and never a part: beside it, flushed to disk,
 * then renamed over it. Mode 0644. Makes the folder. On failure the old file stands and nothing is left beside it.
 */
export async function writeSubnetEnv(path: string, text: string, fs: SubnetEnvFs = nodeFs): Promise<void> {
  await fs.mkdir(dirname(path), { recursive: true })
  const beside = `${path}.${randomUUID()}`
  try {
    const file = await fs.open(beside, 'wx', 0o644)
    try {
      await file.chmod(0o644) // whatever the umask took away
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await fs.rename(beside, path)
  } catch (error) {
    await fs.rm(beside, { force: true }).catch(() => undefined) // what failed first is what the caller has to know
    throw error
  }
}
