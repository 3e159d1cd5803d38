import type { Driver, ExternalInterfaceOptions } from '../contract/driver.js'
import type { ChosenInterface, ExternalInterface, NodeContext } from '../contract/node-context.js'
import type { PublicAddresses } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { enabledFamilies } from '../net/address-family.js'
import { canonicalAddress } from '../net/ip.js'
import { interfaceAddress } from '../net/public-address.js'

/** An external interface, and who says so. */
export interface FoundInterface {
  readonly externalInterface: ExternalInterface
  /** As in `NodeOrigins`. */
  readonly origin: string
  /** Why it is not there yet, if this node waits for it: what is known of it is what it was before. */
  readonly awaited?: string | undefined
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
    return { externalInterface, origin: originOf(driver, externalInterface, options.previous) }
  }
  throw new TypeError('no driver can find the external interface: give the overlay `externalInterface`')
}

/** The default route may lead elsewhere by now, and the node has stayed where it was. */
function originOf({ name }: Driver, found: ExternalInterface, previous: ChosenInterface | undefined): string {
  const { reason } = found
  if (reason === undefined) return name
  const isKept = previous?.reason === reason && isAt(found, previous)
  return `${name}: ${reason}${isKept ? ' (in an earlier run)' : ''}`
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
    publicIp: config.ipv4 && (canonical(given.publicIp) ?? ipv4),
    publicIpv6: config.ipv6 && (canonical(given.publicIpv6) ?? ipv6),
    origins: {
      externalInterface: origin,
      publicIp: config.ipv4 && originOf(given.publicIp),
      publicIpv6: config.ipv6 && originOf(given.publicIpv6),
    },
  }
}

/** True if what the desired state depends on is as it was, whatever the host around it is. */
export function isSameInterface(a: ExternalInterface, b: ExternalInterface): boolean {
  const textOf = (found: ExternalInterface) =>
    JSON.stringify({ ...found, host: undefined, macAddress: undefined })
  return textOf(a) === textOf(b)
}

/** The interface without the address of a family that is off: nothing depends on that one. */
export function withUsedFamilies<Found extends ChosenInterface>(
  found: Found,
  { ipv4, ipv6 }: NetworkConfig,
): Found {
  return { ...found, ipv4: ipv4 && found.ipv4, ipv6: ipv6 && found.ipv6 }
}

/** Whether `found` is the same interface, with the addresses that `place` names. */
export function isAt(found: ChosenInterface, { name, ipv4, ipv6 }: ChosenInterface): boolean {
  return (
    found.name === name &&
    (ipv4 === undefined || ipv4 === found.ipv4) &&
    (ipv6 === undefined || ipv6 === found.ipv6)
  )
}

/** What keeps a node where it is, for messages and comparisons: such as `eth0 (192.0.2.1)`. */
export function placeOf({ name, ipv4, ipv6 }: ChosenInterface): string {
  return `${name} (${[ipv4, ipv6].filter((address) => address !== undefined).join(', ')})`
}

/** As a store's record is read: a node knows its own by it. */
const canonical = (address: string | undefined): string | undefined => address && canonicalAddress(address)
