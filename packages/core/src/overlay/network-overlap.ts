import type { HostNetwork } from '../contract/node-context.js'
import type { Lease } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { enabledFamilies } from '../net/address-family.js'
import { contains, formatCidr, overlaps, requireCidr } from '../net/cidr.js'

/**
 * Warnings of networks on the host's links that share addresses with the overlay's network, one each. The pods of this
 * node are no overlap: their bridge has the node's own subnet.
 *
 * @param ownLinks the names of the overlay's own links
 */
export function overlapWarnings(
  config: NetworkConfig,
  own: Lease,
  host: HostNetwork | undefined,
  ownLinks: readonly string[],
): readonly string[] {
  const others = (host?.addresses ?? []).filter(({ link }) => !ownLinks.includes(link))
  const warnings = enabledFamilies(config).flatMap((parts) => {
    const text = config[parts.network]?.network
    if (text === undefined) return []
    const network = requireCidr(text)
    const subnet = own[parts.subnet]
    return others.flatMap(({ link, address, prefixLength }) => {
      const theirs = requireCidr(`${address}/${prefixLength}`)
      if (!overlaps(network, theirs)) return []
      if (subnet !== undefined && contains(requireCidr(subnet), theirs)) return []
      const name = `${formatCidr(theirs)}, the network of ${link}`
      return `the network ${text} overlaps ${name}: what is in both reaches one of them alone; give one another range`
    })
  })
  return [...new Set(warnings)]
}
