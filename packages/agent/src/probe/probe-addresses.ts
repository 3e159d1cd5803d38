import type { LeaseSubnets } from '@selvedge/core'
import { addressAt, baseAddress } from '@selvedge/core/kit'

/** Backends with a device of the overlay on each host, whose address is the subnet's base. */
const WITH_DEVICE = new Set<string | undefined>(['vxlan', 'ipip', 'udp', 'wireguard', undefined])

/**
 * Where a node is probed, an address for each family of its lease: its overlay device's, or without such a device the pods'
 * gateway, the first address of the subnet, which its bridge has once it had a pod.
 *
 * @param backend the type of the network's backend; undefined for flannel's default, udp
 */
export function probeAddresses(
  { subnet, ipv6Subnet }: LeaseSubnets,
  backend: string | undefined,
): readonly string[] {
  const addressOf = (cidr: string) => (WITH_DEVICE.has(backend) ? baseAddress(cidr) : addressAt(cidr, 1n))
  return [subnet, ipv6Subnet].filter((cidr) => cidr !== undefined).map(addressOf)
}
