import type { Driver } from '../contract/driver.js'
import type { ExternalInterface, NodeContext } from '../contract/node-context.js'
import type { Resource } from '../contract/resource.js'
import type { PublicAddresses } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { enabledFamilies } from '../net/address-family.js'
import { interfaceAddress } from '../net/public-address.js'
import type { AbortOptions } from '../util/abort.js'

/** The networks of a config, IPv4 first. */
export function networksOf({ ipv4, ipv6 }: NetworkConfig): readonly string[] {
  return [ipv4?.network, ipv6?.network].filter((network) => network !== undefined)
}

/**
 * The alias by which a later run knows a link as ours. It names the network, since that is what tells two overlays on
 * one host apart: two that shared a network would contest its routes anyway.
 */
export const ownershipAlias = (network: string): string => `selvedge ${network}`

/** Links carry the mark; nothing else can. */
export function marked(resources: readonly Resource[], alias: string): readonly Resource[] {
  if (!resources.some(({ kind }) => kind === 'link')) return resources
  return resources.map((resource) => (resource.kind === 'link' ? { ...resource, alias } : resource))
}

/** Asks the first driver that can tell. */
export async function findExternalInterface(
  drivers: readonly Driver[],
  options: AbortOptions,
): Promise<ExternalInterface> {
  for (const driver of drivers) {
    if (driver.externalInterface !== undefined) return driver.externalInterface(options)
  }
  throw new TypeError('no driver can find the external interface: give the overlay `externalInterface`')
}

/**
 * @param given the addresses at which peers reach this node, where they are not the external interface's own
 * @throws OverlayError `INTERFACE_UNSUITABLE` where the interface lacks an address of a family that the network has. */
export function nodeContext(
  config: NetworkConfig,
  externalInterface: ExternalInterface,
  given: PublicAddresses,
): NodeContext {
  for (const parts of enabledFamilies(config)) interfaceAddress({ externalInterface }, parts)
  const { ipv4, ipv6 } = externalInterface
  return {
    config,
    externalInterface,
    publicIp: config.ipv4 === undefined ? undefined : (given.publicIp ?? ipv4),
    publicIpv6: config.ipv6 === undefined ? undefined : (given.publicIpv6 ?? ipv6),
  }
}
