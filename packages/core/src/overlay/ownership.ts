import type { OwnershipScope, UnmarkedRoute } from '../contract/driver.js'
import type { ExternalInterface } from '../contract/node-context.js'
import type { LinkResource, Resource } from '../contract/resource.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { parseCidr } from '../net/cidr.js'

/** The networks of a config, IPv4 first. */
export function networksOf({ ipv4, ipv6 }: NetworkConfig): readonly string[] {
  return [ipv4?.network, ipv6?.network].filter((network) => network !== undefined)
}

/**
 * The alias by which a later run knows a link as ours. It names the network, since that is what tells two overlays on
 * one host apart: two that shared a network would contest its routes anyway.
 */
export const overlayAlias = (network: string): string => `selvedge ${network}`

/** The network that an alias names; undefined for one that is no mark of ours. */
export function servedBy(alias: string): string | undefined {
  const [, network = ''] = /^selvedge (\S+)$/.exec(alias) ?? []
  return parseCidr(network) === undefined ? undefined : network
}

/** The resources with our mark on those that can bear one: links. */
export function withAlias(resources: readonly Resource[], config: NetworkConfig): readonly Resource[] {
  if (!resources.some(isLink)) return resources
  const [alias = ''] = networksOf(config).map(overlayAlias)
  return resources.map((resource) => (isLink(resource) ? { ...resource, alias } : resource))
}

/** What the scope of one overlay follows from. */
export interface Ownership {
  readonly config: NetworkConfig
  /** What this node served before, in an earlier run or under another config: it left links and routes there. */
  readonly formerNetworks: readonly string[]
  /** What this node needs whatever its peers. */
  readonly local: readonly Resource[]
  /** Subnets of peers outside the network; their routes are ours all the same. */
  readonly outside: readonly string[]
  /** The interface that packets to peers leave by. */
  readonly externalInterface: ExternalInterface
  /** As in `OwnershipScope`. */
  readonly reachable: readonly string[]
  readonly isUnmarkedOurs?: ((route: UnmarkedRoute) => boolean) | undefined
}

/** Which of all that a driver finds belongs to this overlay. */
export function ownershipScope(ownership: Ownership): OwnershipScope {
  const { local, outside, externalInterface, reachable } = ownership
  const left = leftoverScope(ownership)
  return {
    ...left,
    links: linkNames(local),
    networks: [...left.networks, ...outside],
    reachable,
    externalInterface: externalInterface.name,
    onLink: externalInterface.onLink,
  }
}

/** The same before it is known what the overlay needs: what an earlier run, or another agent, has left. */
export function leftoverScope({
  config,
  formerNetworks,
  isUnmarkedOurs,
}: Pick<Ownership, 'config' | 'formerNetworks' | 'isUnmarkedOurs'>): OwnershipScope {
  const networks = [...new Set([...networksOf(config), ...formerNetworks])]
  return { aliases: networks.map(overlayAlias), links: [], networks, isUnmarkedOurs }
}

/** The names of the links among resources. */
export const linkNames = (resources: readonly Resource[]): readonly string[] =>
  resources.filter(isLink).map(({ name }) => name)

const isLink = (resource: Resource): resource is LinkResource => resource.kind === 'link'
