import type { InspectedPeer } from '@selvedge/agent'
import type { AskedIpsec } from './facts.js'
import { isIn } from './wanted.js'

/** Cryptokey routing: the longest of all allowed networks. */
export function peerFor(peers: readonly InspectedPeer[], destination: string): InspectedPeer | undefined {
  let found: InspectedPeer | undefined
  let longest = -1
  for (const peer of peers) {
    for (const network of peer.allowedIps) {
      const length = Number(network.split('/')[1])
      if (length > longest && isIn(network, destination)) [found, longest] = [peer, length]
    }
  }
  return found
}

/** The policy that a packet meets as it leaves: of those for it the first by priority. */
export function policyFor({
  source,
  destination,
  policies,
}: Pick<AskedIpsec, 'source' | 'destination' | 'policies'>): AskedIpsec['policies'][number] | undefined {
  return policies
    .filter(
      (each) => each.direction === 'out' && isIn(each.source, source) && isIn(each.destination, destination),
    )
    .reduce<AskedIpsec['policies'][number] | undefined>(
      (first, each) => (first === undefined || each.priority < first.priority ? each : first),
      undefined,
    )
}
