import { type PeerPath, pathOf, type ResourcesPage } from '@selvedge/agent'
import type { Resource } from '@selvedge/core'

/** One host of the overlay. */
export interface TopologyHost {
  readonly key: string
  readonly subnets: readonly string[]
  readonly addresses: readonly string[]
  readonly isOwn: boolean
  /** How this node's packets reach it; `none` for this node itself, and for a lease without resources. */
  readonly path: PeerPath
  /** The link that they leave by, if there is a route. */
  readonly device?: string | undefined
}

/** Who is reached, and how: this node first, then its peers in the order of their keys. */
export function topologyOf({
  own,
  leases,
  entries,
}: Pick<ResourcesPage, 'own' | 'leases' | 'entries'>): readonly TopologyHost[] {
  const byOwner = new Map<string, Resource[]>()
  for (const { resource, owners } of entries) {
    for (const owner of owners) {
      const held = byOwner.get(owner)
      if (held === undefined) byOwner.set(owner, [resource])
      else held.push(resource)
    }
  }
  return leases
    .map(({ key, subnet, ipv6Subnet, publicIp, publicIpv6 }): TopologyHost => {
      const isOwn = key === own
      const resources = isOwn ? [] : (byOwner.get(key) ?? [])
      const route = resources.find(({ kind }) => kind === 'route')
      const device: unknown = route && Reflect.get(route, 'device')
      return {
        key,
        subnets: [subnet, ipv6Subnet].filter((each) => each !== undefined),
        addresses: [publicIp, publicIpv6].filter((each) => each !== undefined),
        isOwn,
        path: pathOf(resources, [publicIp, publicIpv6]),
        device: typeof device === 'string' ? device : undefined,
      }
    })
    .sort((a, b) => Number(b.isOwn) - Number(a.isOwn) || compare(a.key, b.key))
}

const compare = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })
