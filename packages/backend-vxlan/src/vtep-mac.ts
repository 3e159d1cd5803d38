import { createHash } from 'node:crypto'
import { isOverlayError, type Lease, type PublicAddresses } from '@selvedge/core'
import type { Family, FamilyParts } from '@selvedge/core/kit'
import { readVtep } from './vtep.js'

/** The second-lowest bit of the first octet marks a locally administered MAC, the lowest a group's (IEEE 802-2014, 8.2). */
const LOCAL_BIT = 0b10
const FREE_BITS = 0b11111100

/**
 * The MAC of a node's device, which the node publishes: the one that it published before, else one derived from its
 * public address, so that a host that keeps no state has the same MAC after a restart.
 *
 * @param previous this node's earlier lease
 */
export function vtepMac(
  addresses: PublicAddresses,
  previous: Lease | undefined,
  parts: FamilyParts,
  vni: number,
): string {
  const derived = deriveMac(addresses, parts, vni)
  const published = previous === undefined ? undefined : publishedMac(previous, parts, vni)
  if (previous === undefined || published === undefined) return derived
  // A derived MAC stays with its address: the next node at that address derives the same one.
  return published === deriveMac(previous.attributes, parts, vni) ? derived : published
}

/** The MAC in a lease, by selvedge or by flannel; undefined if it has none that is usable. */
function publishedMac(lease: Lease, parts: FamilyParts, vni: number): string | undefined {
  if (lease.attributes.backendType !== 'vxlan') return undefined
  try {
    return readVtep(lease, parts, vni).mac
  } catch (error) {
    if (isOverlayError(error, 'INVALID_LEASE')) return undefined
    throw error
  }
}

/**
 * A locally administered unicast MAC, derived from the node's public address. Its last four octets are the public IPv4
 * address and its first two are the same on every node, so no two nodes of a network derive the same one. An IPv6
 * address does not fit: all 46 free bits come from a hash, and among 65,000 nodes the odds that any two collide are
 * 1 in 30,000.
 */
function deriveMac({ publicIp, publicIpv6 }: PublicAddresses, { family }: FamilyParts, vni: number): string {
  const octets =
    publicIp === undefined
      ? hash(family, vni, publicIpv6 ?? '').subarray(0, 6)
      : [...hash(family, vni, '').subarray(0, 2), ...publicIp.split('.').map(Number)]
  const [first = 0, ...rest] = octets
  return [(first & FREE_BITS) | LOCAL_BIT, ...rest]
    .map((octet) => octet.toString(16).padStart(2, '0'))
    .join(':')
}

function hash(family: Family, vni: number, address: string): Buffer {
  return createHash('sha256').update(`selvedge vxlan ${family} ${vni} ${address}`).digest()
}
