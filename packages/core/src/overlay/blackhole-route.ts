import type { Part } from '../contract/part.js'
import { type RouteResource, route } from '../contract/resource.js'
import { enabledFamilies, type FamilyParts } from '../net/address-family.js'

/**
 * The last of all routes to a subnet, so that the CNI bridge's (metric 0) is taken before it, whichever came first. Of
 * two IPv4 routes of one metric the older one counts (net/ipv4/fib_trie.c), and a blackhole of metric 0, as flannel
 * writes it, keeps a bridge that comes later from its pods.
 */
const LAST = 0xffff_ffff
/** IP6_RT_PRIO_USER, behind an interface's own routes (IP6_RT_PRIO_ADDRCONF, 256): flannel's is adopted. */
const IP6_RT_PRIO_USER = 1024

/**
 * A route that drops packets to addresses of this node's own subnets which no pod has. Without a bridge there is no
 * other route to the subnet as a whole: such packets would take the default route, and come back from the peer or the
 * gateway that sends them here, until their TTL ends.
 */
export function blackholeRoute(): Part {
  return {
    name: 'blackhole route',
    local: ({ config, lease }) =>
      enabledFamilies(config).flatMap((parts) => {
        const subnet = lease[parts.subnet]
        return subnet === undefined ? [] : [blackhole(subnet, parts)]
      }),
  }
}

const blackhole = (destination: string, { family }: FamilyParts): RouteResource =>
  route({ destination, type: 'blackhole', metric: family === 4 ? LAST : IP6_RT_PRIO_USER })

/**
 * A route that drops the packets into a whole network that no other route leads anywhere, so that they do not leave
 * unencrypted by the default route. Any other route to the network counts before it.
 */
export const networkBlackhole = (network: string): RouteResource =>
  route({ destination: network, type: 'blackhole', metric: LAST })
