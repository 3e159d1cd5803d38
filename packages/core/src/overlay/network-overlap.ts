import type { HostNetwork } from '../contract/node-context.js'
import type { Lease } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { enabledFamilies } from '../net/address-family.js'
import { contains, formatCidr, overlaps, requireCidr } from '../net/cidr.js'

/**
 * Warnings of networks on the host's links, and of routes over them, that share addresses with the overlay's network,
 * one each. The pods of this node are no overlap: their bridge has the node's own subnet. Nor are routes to peers.
 *
 * @param peers everyone's leases: a route to the subnet of one is what an overlay's agent made, of this kind or another
 * @param ownLinks the names of the overlay's own links
 */
export function overlapWarnings(
  config: NetworkConfig,
  own: Lease,
  peers: Iterable<Lease>,
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
  const byGateway = (host?.routesByGateway ?? []).map(({ link, destination, gateway }) => ({
    link,
    theirs: requireCidr(destination),
    what: `which this host routes via ${gateway}`,
  }))
  const leased = byGateway.length === 0 ? new Set<string>() : subnetsOf(peers)
  const foreign = byGateway.filter(({ theirs }) => !leased.has(formatCidr(theirs)))
  const others = [...connected, ...routed, ...foreign].filter(({ link }) => !ownLinks.includes(link))
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

function subnetsOf(leases: Iterable<Lease>): ReadonlySet<string> {
  const subnets = new Set<string>()
  for (const { subnet, ipv6Subnet } of leases) {
    if (subnet !== undefined) subnets.add(subnet)
    if (ipv6Subnet !== undefined) subnets.add(ipv6Subnet)
  }
  return subnets
}
