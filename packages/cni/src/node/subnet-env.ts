import { parseSubnetEnvLists, type SubnetEnvLists } from '@selvedge/core/kit'
import { readSubnetEnvText } from '@selvedge/node-state'
import { CNI_CODE, CniError } from '../protocol/error.js'

/**
 * What a node's subnet.env says: all that an attachment needs. Rejects with a CniError: `tryAgainLater` if there is no
 * file, for an agent writes it once it has a lease; `undecodable` if it lacks something.
 */
export async function readNode(path: string): Promise<SubnetEnvLists> {
  const node = parseSubnetEnvLists(await read(path))
  const missing = missingOf(node)
  if (missing.length === 0) return node
  throw new CniError(CNI_CODE.undecodable, `${path} is missing ${missing.join(', ')}`)
}

async function read(path: string): Promise<string> {
  const text = await readSubnetEnvText(path).catch((cause) => {
    throw new CniError(CNI_CODE.ioFailure, `${path} cannot be read: ${cause.message}`, { cause })
  })
  if (text === undefined) throw new CniError(CNI_CODE.tryAgainLater, `${path} is missing`)
  return text
}

/** The names in the order of flannel's plugin. */
function missingOf(node: SubnetEnvLists): readonly string[] {
  const missing: string[] = []
  if (node.networks.length + node.ipv6Networks.length === 0) {
    missing.push('FLANNEL_NETWORK', 'FLANNEL_IPV6_NETWORK')
  }
  if (node.subnets.length + node.ipv6Subnets.length === 0) {
    missing.push('FLANNEL_SUBNET', 'FLANNEL_IPV6_SUBNET')
  }
  if (node.mtu === undefined) missing.push('FLANNEL_MTU')
  if (node.ipMasq === undefined) missing.push('FLANNEL_IPMASQ')
  return missing
}
