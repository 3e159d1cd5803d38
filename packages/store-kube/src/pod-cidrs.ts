import { type NetworkConfig, OverlayError } from '@selvedge/core'
import { contains, enabledFamilies, printable, requireCidr } from '@selvedge/core/kit'
import type { NodeRecord } from './client/index.js'
import { podCidrOf } from './node-lease.js'

/**
 * Throws an OverlayError `INVALID_CONFIG` if this node's PodCIDRs do not fit the network. An assigned PodCIDR never
 * changes, so that waiting would not help.
 */
export function checkPodCidrs(node: NodeRecord, config: NetworkConfig): void {
  for (const parts of enabledFamilies(config)) {
    const network = config[parts.network]?.network
    const podCidr = podCidrOf(node, parts)
    if (podCidr === undefined) {
      throw new OverlayError(
        'INVALID_CONFIG',
        `node ${node.name} has no ${parts.name} PodCIDR, only ${printable(node.podCidrs.join(', '))}, but the network config has ` +
          `the ${parts.name} network ${network}: give the controller manager a --cluster-cidr of both families and let ` +
          'the node register again, or disable the family in the network config',
      )
    }
    if (network !== undefined && !contains(requireCidr(network), requireCidr(podCidr))) {
      throw new OverlayError(
        'INVALID_CONFIG',
        `the PodCIDR ${podCidr} of node ${node.name} is outside the network ${network}: set the network config's ` +
          `${parts.family === 4 ? 'Network' : 'IPv6Network'} to the controller manager's --cluster-cidr`,
      )
    }
  }
}
