import { addressBits, type Cidr, formatAddress, formatCidr, lastAddress } from '@selvedge/core/kit'

/**
 * An address for each network of one family that is in none of the smaller ones inside it, so that what holds for the
 * address holds for all of the network that is not in a smaller one. A network that its smaller ones fill has none.
 *
 * @param taken addresses that no packet is sent to: the host's own, and broadcasts
 */
export function sampleAddresses(
  networks: readonly Cidr[],
  taken: ReadonlySet<bigint>,
): ReadonlyMap<string, string> {
  const sorted = [...networks].sort((a, b) => compare(a.base, b.base) || a.length - b.length)
  const samples = new Map<string, string>()
  for (const [index, network] of sorted.entries()) {
    const value = firstFree(sorted, index, network, taken)
    if (value !== undefined)
      samples.set(formatCidr(network), formatAddress({ family: network.family, value }))
  }
  return samples
}

/** The first address of the network at `index` that is in none of those that follow it in the order of their bases. */
function firstFree(
  sorted: readonly Cidr[],
  index: number,
  network: Cidr,
  taken: ReadonlySet<bigint>,
): bigint | undefined {
  const last = lastAddress(network)
  // The first and last address of a network may be broadcasts; a /31 and a /32 have none (RFC 3021).
  const hasBroadcasts = addressBits(network.family) - network.length > 1
  const end = hasBroadcasts ? last - 1n : last
  let free = hasBroadcasts ? network.base + 1n : network.base
  let next = index + 1
  while (free <= end) {
    while (next < sorted.length) {
      const smaller = sorted[next]
      if (smaller === undefined || smaller.base > free) break
      next += 1
      // One of the same network is the same one twice.
      if (smaller.length === network.length && smaller.base === network.base) continue
      const behind = lastAddress(smaller) + 1n
      if (behind > free) free = behind
    }
    if (free > end || !taken.has(free)) break
    free += 1n
  }
  return free <= end ? free : undefined
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : Number(a > b))
