import type { ExternalInterface } from '../contract/node-context.js'
import { type Lease, type LeaseSubnets, sameSubnets } from '../lease/lease.js'
import { isSameHost } from './awaited-uplink.js'
import type { PreviousNode } from './options.js'

/** What an earlier run held: what subnet.env says, which another agent may have written since, before what was kept. */
export function earlierSubnets(previous: PreviousNode | undefined): LeaseSubnets | undefined {
  if (previous?.subnet !== undefined || previous?.ipv6Subnet !== undefined) return previous
  return previous?.lease
}

/**
 * The lease of an earlier run, if that was this node's last one, and on this host: a copy of its disk, in a host of its
 * own, has another hardware address.
 */
export function earlierLease(
  previous: PreviousNode | undefined,
  found: ExternalInterface,
): Lease | undefined {
  const lease = previous?.lease
  if (lease === undefined || previous?.externalInterface === undefined) return undefined
  if (!isSameHost(found, previous.externalInterface)) return undefined
  const subnets = earlierSubnets(previous)
  return subnets !== undefined && sameSubnets(subnets, lease) ? lease : undefined
}
