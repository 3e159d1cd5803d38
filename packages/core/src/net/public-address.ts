import type { ExternalInterface, LeaseContext, NodeContext } from '../contract/node-context.js'
import type { Lease, PublicAddresses } from '../lease/lease.js'
import { OverlayError } from '../util/errors.js'
import { invalidField } from '../util/json-fields.js'
import { enabledFamilies, type FamilyParts } from './address-family.js'

/** How a node is given another address: for messages, to programs and to those who run the agent. */
export const HOW_TO_CHOOSE_ADDRESS =
  'the option publicIp or publicIpv6, or interface of linux(); of the agent --public-ip, --public-ipv6 or --iface'

/**
 * The addresses at which peers reach this node, of each family that is on: what a backend publishes. Throws an
 * OverlayError of code `INTERFACE_UNSUITABLE` if a family that is on has none.
 */
export function publicAddresses(context: NodeContext): PublicAddresses {
  let addresses: PublicAddresses = {}
  for (const parts of enabledFamilies(context.config)) {
    const address = context[parts.publicAddress]
    if (address === undefined) throw withoutAddress(context.externalInterface, parts)
    addresses = { ...addresses, [parts.publicAddress]: address }
  }
  return addresses
}

/**
 * The external interface's own address: the source of what goes to peers. Throws an OverlayError of code
 * `INTERFACE_UNSUITABLE` if it has none of that family.
 */
export function interfaceAddress(
  { externalInterface }: Pick<NodeContext, 'externalInterface'>,
  parts: FamilyParts,
): string {
  const address = externalInterface[parts.interfaceAddress]
  if (address === undefined) throw withoutAddress(externalInterface, parts)
  return address
}

function withoutAddress({ name }: ExternalInterface, { name: family }: FamilyParts): OverlayError {
  return new OverlayError(
    'INTERFACE_UNSUITABLE',
    `${family} is on in the network config, but the external interface ${name} has no ${family} address; ` +
      `give it one, name another interface, or turn ${family} off`,
  )
}

/** A lease's subnet of a family that is on, and the address at which its node is reached in that family. */
export interface PeerAddresses {
  /** The peer's subnet (CIDR), in canonical form. */
  readonly subnet: string
  /** The address at which its node is reached, in canonical form. */
  readonly publicAddress: string
}

/** The same, and of which family it is. */
export interface ServedFamily extends PeerAddresses {
  /** Where the parts of this family are found. */
  readonly parts: FamilyParts
}

/** What a peer's lease says about each family that is on and that it has a subnet of. Throws as {@link peerAddresses}. */
export const servedFamilies = (lease: Lease, { config }: NodeContext): ServedFamily[] =>
  enabledFamilies(config).flatMap((parts) => {
    const addresses = peerAddresses(lease, parts)
    return addresses === undefined ? [] : [{ parts, ...addresses }]
  })

/**
 * What a peer's lease says about one family; undefined if it has no subnet of that family. Throws an OverlayError of
 * code `INVALID_LEASE` if it has a subnet and does not say at which address its node is reached.
 */
export function peerAddresses(lease: Lease, parts: FamilyParts): PeerAddresses | undefined {
  const subnet = lease[parts.subnet]
  if (subnet === undefined) return undefined
  const publicAddress = lease.attributes[parts.publicAddress]
  if (publicAddress === undefined) {
    const problem = lease.attributes.invalidAddresses?.[parts.publicAddress]
    const why = problem === undefined ? `has no ${parts.written.publicAddress}` : `is unusable: ${problem}`
    throw new OverlayError(
      'INVALID_LEASE',
      `${describeLease(lease)} ${why}: ${subnet} cannot be reached; correct or delete it`,
    )
  }
  return { subnet, publicAddress }
}

/** A lease as messages name it: `the lease of 10.244.5.0/24 (192.168.64.3)`. */
export function describeLease({ subnet, ipv6Subnet, attributes }: Lease): string {
  const subnets = [subnet, ipv6Subnet].filter((text) => text !== undefined).join(' and ')
  const addresses = [attributes.publicIp, attributes.publicIpv6].filter((text) => text !== undefined)
  return `the lease of ${subnets || 'no subnet'}${addresses.length === 0 ? '' : ` (${addresses.join(', ')})`}`
}

/**
 * This node's own subnet of a family that is on. Throws an OverlayError of code `INVALID_LEASE` if its lease has none.
 */
export function ownSubnet({ lease }: LeaseContext, parts: FamilyParts): string {
  const subnet = lease[parts.subnet]
  if (subnet !== undefined) return subnet
  throw new OverlayError(
    'INVALID_LEASE',
    `${parts.name} is on in the network config, but this node's own lease has no ${parts.name} subnet`,
  )
}

/**
 * The error for a lease that publishes what identifies this node, such as its key.
 *
 * @param remedy such as `give the other node another one`
 */
export function ownIdentity(lease: Lease, field: string, value: string, remedy: string): OverlayError {
  const rule = `is this node's own: a cloned machine may have kept it; ${remedy}`
  return invalidField(field, value, rule, describeLease(lease), 'INVALID_LEASE')
}
