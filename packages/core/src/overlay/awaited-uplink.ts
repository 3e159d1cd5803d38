import type { ChosenInterface, ExternalInterface } from '../contract/node-context.js'
import type { LeaseSubnets } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { enabledFamilies } from '../net/address-family.js'
import { interfaceAddress } from '../net/public-address.js'
import { OverlayError } from '../util/errors.js'
import { type FoundInterface, placeOf, withUsedFamilies } from './external-interface.js'

/*
 * A host that boots may have no uplink for minutes, or for days. For its own pods, what it was before suffices: the subnet
 * and the MTU. So an overlay starts as what the node was, writes nothing that needs the uplink, and takes the uplink up
 * once it is there, whichever it is by then.
 */

/** Ethernet's, if an earlier run did not keep what the uplink had. */
const PRESUMED_MTU = 1500

/** The part of what a node was that makes up for a missing uplink. */
export interface EarlierNode {
  readonly externalInterface: ChosenInterface | undefined
  readonly subnets: LeaseSubnets | undefined
}

/**
 * The uplink that a node had before, to be waited for; undefined if it is not known well enough to start as what the node
 * was: its addresses in all families of the network, and the node's subnets.
 * @param why it is not there now
 */
export function awaitUplink(
  { externalInterface: before, subnets }: EarlierNode,
  config: NetworkConfig,
  why: string,
): FoundInterface | undefined {
  if (before === undefined || subnets === undefined) return undefined
  const families = enabledFamilies(config)
  if (families.some((parts) => before[parts.interfaceAddress] === undefined)) return undefined
  if (families.some((parts) => subnets[parts.subnet] === undefined)) return undefined
  const { mtu = PRESUMED_MTU, ...chosen } = withUsedFamilies(before, config)
  return {
    externalInterface: { ...chosen, mtu, onLink: [] },
    origin: `as in an earlier run: ${placeOf(chosen)} is not there yet`,
    awaited: why,
  }
}

/**
 * Requires that an interface is an uplink. A link-local IPv4 address is what a host gives itself while DHCP does not answer:
 * it is an uplink's only if the one before had such a one.
 * @throws OverlayError `INTERFACE_UNSUITABLE` for one without an address of a family that the network has, or with such a one
 */
export function requireUplink(
  found: ExternalInterface,
  before: ChosenInterface | undefined,
  config: NetworkConfig,
): void {
  for (const parts of enabledFamilies(config)) interfaceAddress({ externalInterface: found }, parts)
  if (config.ipv4 === undefined || !isLinkLocal(found.ipv4)) return
  if (before?.ipv4 === undefined || isLinkLocal(before.ipv4)) return
  throw new OverlayError(
    'INTERFACE_UNSUITABLE',
    `${found.name} has only the link-local address ${found.ipv4}, as while no DHCP server answers, and this node had ` +
      `${before.ipv4} before; give it an address`,
  )
}

/** RFC 3927. */
const isLinkLocal = (address: string | undefined): boolean => address?.startsWith('169.254.') === true

/** Whether a failure to find the interface that packets to peers leave by may pass once an uplink comes. */
export const isWithoutUplink = ({ code }: OverlayError): boolean =>
  code === 'INTERFACE_NOT_FOUND' || code === 'INTERFACE_UNSUITABLE'

/**
 * Whether the host of an uplink is the one that had the uplink before: one of its links has the hardware address. A copy of
 * a host's disk, in a host of its own, has another.
 */
export function isSameHost(found: ExternalInterface, { macAddress }: ChosenInterface): boolean {
  if (macAddress === undefined) return false
  return found.macAddress === macAddress || found.host?.macAddresses?.includes(macAddress) === true
}
