import { addressAt, requireCidr } from '@selvedge/core/kit'
import { inspectLinux } from '@selvedge/dataplane-linux'
import type { DesiredFact } from './desired.js'

/** Where the kernel sends packets to an address, by all its policy rules and tables. */
export interface Way {
  readonly device?: string | undefined
  /** Such as `blackhole`, or the error that the packet meets. */
  readonly problem?: string | undefined
}

/** More cost time, and a rule that is wrong is wrong for many. */
const MAX_WAYS = 256

/** An address of a peer's subnet that stands for all of them: its bridge's. */
export const addressIn = (subnet: string): string =>
  addressAt(subnet, requireCidr(subnet).length < 32 ? 1n : 0n)

/** To the first peers: the hosts themselves, and an address of the subnet of each. */
export async function waysTo(
  desired: DesiredFact | undefined,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Way>> {
  if (desired === undefined || desired.source === 'none') return new Map()
  const { leases, own } = desired.page
  const addresses = leases.flatMap(({ key, subnet, ipv6Subnet, publicIp, publicIpv6 }) => {
    const inside = [subnet, ipv6Subnet].filter((each) => each !== undefined).map(addressIn)
    return key === own ? [] : [...inside, publicIp, publicIpv6].filter((address) => address !== undefined)
  })
  const ways = new Map<string, Way>()
  await using inspector = inspectLinux()
  for (const address of [...new Set(addresses)].slice(0, MAX_WAYS)) {
    const way = await inspector.route(address, {}, { signal }).catch(() => undefined)
    if (way === undefined) continue
    const { device, error, type } = way
    const problem = error ?? (type === undefined || type === 'unicast' || type === 'local' ? undefined : type)
    ways.set(address, problem === undefined ? { device } : { problem })
  }
  return ways
}
