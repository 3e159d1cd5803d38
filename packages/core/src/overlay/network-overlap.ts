import type { HostNetwork } from '../contract/node-context.js'
import type { Lease } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { enabledFamilies } from '../net/address-family.js'
import { contains, formatCidr, overlaps, requireCidr } from '../net/cidr.js'

/**
 * Warnings of networks on the host's links, and of routes over them, that share addresses with the overlay's network,
 * one each. The pods of this node are no overlap: their bridge has the node's own subnet.
 *
 * @param ownLinks the names of the overlay's own links
 */
export function overlapWarnings(
  config: NetworkConfig,
  own: Lease,
  host: HostNetwork | undefined,
  ownLinks: readonly string[],
): readonly string[] {
  const connected = (host?.addresses ?? []).map(({ link, address, prefixLength }) => ({
    link,
    theirs: requireCidr(`${address}/${prefixLength}`),
    what: `the network of ${link}`,
  }))
  const routed = (host?.routes ?? []).map(({ link, destination }) => ({
    link,
    theirs: requireCidr(destination),
    what: `which this host routes over ${link}`,
  }))
  const others = [...connected, ...routed].filter(({ link }) => !ownLinks.includes(link))
  const warnings = enabledFamilies(config).flatMap((parts) => {
    const text = config[parts.network]?.network
    if (text === undefined) return []
    const network = requireCidr(text)
    const subnet = own[parts.subnet]
    return others.flatMap(({ theirs, what }) => {
      if (!overlaps(network, theirs)) return []
      if (subnet !== undefined && contains(requireCidr(subnet), theirs)) return []
      const name = `${formatCidr(theirs)}, ${what}`
      return `the network ${text} overlaps ${name}: what is in both reaches one of them alone; give one another range`
    })
  })
  return [...new Set(warnings)]
}
