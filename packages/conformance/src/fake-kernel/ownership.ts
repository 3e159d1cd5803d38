import type { OwnershipScope } from '@selvedge/core'
import { contains, containsAddress, familyOf, formatCidr, requireCidr } from '@selvedge/core/kit'
import { ROUTE_PROTOCOLS } from './routes.js'
import type { Change, LinkState, RouteState } from './types.js'

/** `OwnershipScope` in code: which links and routes a driver calls its own. */
export interface Ownership {
  link(link: LinkState | undefined): boolean
  route(route: RouteState): boolean
  /** Whether an address on a link of ours is ours, too. */
  address(address: string): boolean
  /** True if a foreign change may concern what is ours. */
  concerns(change: Change): boolean
}

export function ownershipOf(
  { aliases, links, networks, reachable = [], isUnmarkedOurs = () => false }: OwnershipScope,
  protocol: number,
): Ownership {
  const cidrs = networks.map(requireCidr)
  const link = (one: LinkState | undefined): boolean =>
    one !== undefined &&
    (links.includes(one.name) || (one.alias !== undefined && aliases.includes(one.alias)))
  const inScope = (one: RouteState): boolean =>
    link(one.link) || cidrs.some((network) => contains(network, one.network))
  return {
    link,
    // An IPv4 address outside the networks is an operator's, as it is to flanneld.
    address: (ip) =>
      familyOf(ip) === 6 || cidrs.some((network) => contains(network, requireCidr(`${ip}/32`))),
    route: (one) =>
      (one.protocol === ROUTE_PROTOCOLS.boot && isUnmarkedOurs(one)) ||
      (one.protocol === protocol &&
        (inScope(one) || reachable.some((address) => containsAddress(formatCidr(one.network), address)))),
    concerns: (change) => {
      // One of the links is the external interface, and its addresses are what peers know us by.
      if (change.kind === 'link' || change.kind === 'address') return true
      // Of any protocol: a foreign route may have taken the place of ours.
      if (change.kind === 'route') return change.route !== undefined && inScope(change.route)
      // What the kernel learns by itself is not ours, and notifications of it would never end.
      return change.permanent === true && link(change.link)
    },
  }
}
