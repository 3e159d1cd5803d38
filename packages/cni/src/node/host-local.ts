import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAddress, requireCidr } from '@selvedge/core/kit'
import { readBoundedFile } from '@selvedge/node-state'
import type { JsonObject, ValidAttachment } from '../config/plugin-config.js'

/** An address that the plugin host-local has given to an attachment. */
export interface Allocation extends ValidAttachment {
  readonly address: string
}

/** containernetworking/plugins, plugins/ipam/host-local/backend/disk. */
const DEFAULT_DATA_DIR = '/var/lib/cni/networks'
const MAX_BYTES = 4096

/** The folder in which host-local keeps a file for each address of a network that is in use. */
function folderOf(ipam: JsonObject, network: string): string {
  const { dataDir } = ipam
  return join(typeof dataDir === 'string' && dataDir !== '' ? dataDir : DEFAULT_DATA_DIR, network)
}

/** The addresses of a network that are in use, by the names of host-local's files. */
export async function addressesInUse(ipam: JsonObject, network: string): Promise<readonly string[]> {
  try {
    const names = await readdir(folderOf(ipam, network))
    return names.filter((name) => parseAddress(name) !== undefined)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** The same, and whose they are. A file that goes meanwhile, or says nothing, is left out. */
export async function allocations(ipam: JsonObject, network: string): Promise<readonly Allocation[]> {
  const found: Allocation[] = []
  for (const address of await addressesInUse(ipam, network)) {
    const path = join(folderOf(ipam, network), address)
    const text = await readBoundedFile(path, MAX_BYTES).catch(() => '')
    // Before 0.8 host-local wrote no interface; its own release then takes the container's ID alone.
    const [containerId = '', ifName = ''] = text.trim().split(/\r?\n/)
    if (containerId !== '') found.push({ address, containerId, ifName })
  }
  return found
}

/** Beyond this many addresses no host runs out of them, and counting is not worth the time. */
const MAX_COUNTED_BITS = 16

/**
 * How many addresses of a subnet host-local gives to containers: all but the base and the gateway, which is the first,
 * and in IPv4 the broadcast address. Undefined if there are more than 65,536.
 */
export function capacityOf(subnet: string): number | undefined {
  const { family, length } = requireCidr(subnet)
  const bits = (family === 4 ? 32 : 128) - length
  if (bits > MAX_COUNTED_BITS) return undefined
  return Math.max(0, 2 ** bits - (family === 4 ? 3 : 2))
}
