import { OverlayError } from '@selvedge/core'
import { type LinkResource, linkChange } from '@selvedge/core/kit'
import { ip6tnl, ipip } from './ip-tunnels.js'
import type { LinkType } from './link-type.js'
import { tun } from './tun.js'
import { vxlan } from './vxlan.js'
import { wireguard } from './wireguard.js'

export { decodeLinkSettings, encodeLinkSettings } from './codec.js'
export type { IndexOf, LinkType, ListeningPort, NameOf } from './link-type.js'

/** The link types that a driver knows, by name. */
export type LinkTypes = ReadonlyMap<string, LinkType>

/** Those of this package and `more`. Throws an OverlayError (`INVALID_CONFIG`) if two have one name. */
export function collectLinkTypes(more: readonly LinkType[]): LinkTypes {
  const types = new Map<string, LinkType>()
  for (const type of [vxlan, ipip, ip6tnl, tun, wireguard, ...more]) {
    if (types.has(type.name)) {
      throw new OverlayError(
        'INVALID_CONFIG',
        `linkTypes: there are two link types of the name '${type.name}'`,
      )
    }
    types.set(type.name, type)
  }
  return types
}

const OWN_TYPES = collectLinkTypes([])

/**
 * Whether a put recreates the link, which takes its addresses, routes, neighbours and fdb with it until they are written
 * again. For the link types of this package.
 */
export const recreatesLink = (actual: LinkResource, desired: LinkResource): boolean =>
  linkChange(actual, desired, OWN_TYPES.get(desired.type)?.changeable) === 'recreate'
