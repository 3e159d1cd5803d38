import type { Driver, ExternalInterfaceOptions } from '../contract/driver.js'
import type { ExternalInterface, NodeContext } from '../contract/node-context.js'
import type { PublicAddresses } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { enabledFamilies } from '../net/address-family.js'
import { interfaceAddress } from '../net/public-address.js'

/** An external interface, and who says so. */
export interface FoundInterface {
  readonly externalInterface: ExternalInterface
  /** As in `NodeOrigins`. */
  readonly origin: string
}

const GIVEN = 'given as an option'

/** The interface that the caller names. */
export const givenInterface = (externalInterface: ExternalInterface): FoundInterface => ({
  externalInterface,
  origin: GIVEN,
})

/** Asks the first driver that can find it. */
export async function findExternalInterface(
  drivers: readonly Driver[],
  options: ExternalInterfaceOptions,
): Promise<FoundInterface> {
  for (const driver of drivers) {
    if (driver.externalInterface === undefined) continue
    const externalInterface = await driver.externalInterface(options)
    const { reason } = externalInterface
    return { externalInterface, origin: reason === undefined ? driver.name : `${driver.name}: ${reason}` }
  }
  throw new TypeError('no driver can find the external interface: give the overlay `externalInterface`')
}

/**
 * @param given the addresses at which peers reach this node, if they are not the external interface's own
 * @throws OverlayError `INTERFACE_UNSUITABLE` if the interface lacks an address of a family that the network has
 */
export function nodeContext(
  config: NetworkConfig,
  { externalInterface, origin }: FoundInterface,
  given: PublicAddresses,
): NodeContext {
  for (const parts of enabledFamilies(config)) interfaceAddress({ externalInterface }, parts)
  const { name, ipv4, ipv6 } = externalInterface
  const originOf = (address: string | undefined): string =>
    address === undefined ? `the address of ${name}` : GIVEN
  return {
    config,
    externalInterface,
    publicIp: config.ipv4 && (given.publicIp ?? ipv4),
    publicIpv6: config.ipv6 && (given.publicIpv6 ?? ipv6),
    origins: {
      externalInterface: origin,
      publicIp: config.ipv4 && originOf(given.publicIp),
      publicIpv6: config.ipv6 && originOf(given.publicIpv6),
    },
  }
}

/** True if the interface itself is as it was, whatever the host around it is. */
export function isSameInterface(a: ExternalInterface, b: ExternalInterface): boolean {
  return JSON.stringify({ ...a, host: undefined }) === JSON.stringify({ ...b, host: undefined })
}

/** The interface without the address of a family that is off: nothing depends on that one. */
export function withUsedFamilies(found: ExternalInterface, { ipv4, ipv6 }: NetworkConfig): ExternalInterface {
  return { ...found, ipv4: ipv4 && found.ipv4, ipv6: ipv6 && found.ipv6 }
}

/** What keeps a node where it is, for messages and comparisons: such as `eth0 (192.0.2.1)`. */
export function placeOf({ name, ipv4, ipv6 }: ExternalInterface): string {
  return `${name} (${[ipv4, ipv6].filter((address) => address !== undefined).join(', ')})`
}
