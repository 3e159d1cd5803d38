import type { Driver } from '../contract/driver.js'
import type { ExternalInterface, NodeContext } from '../contract/node-context.js'
import type { PublicAddresses } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { enabledFamilies } from '../net/address-family.js'
import { interfaceAddress } from '../net/public-address.js'
import type { AbortOptions } from '../util/abort.js'

/** Asks the first driver that can find it. */
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
 * @param given the addresses at which peers reach this node, if they are not the external interface's own
 * @throws OverlayError `INTERFACE_UNSUITABLE` if the interface lacks an address of a family that the network has
 */
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

/** True if the interface itself is as it was, whatever the host around it is. */
export function isSameInterface(a: ExternalInterface, b: ExternalInterface): boolean {
  return JSON.stringify({ ...a, host: undefined }) === JSON.stringify({ ...b, host: undefined })
}
