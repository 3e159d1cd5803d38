import type { PeerStatus } from '@selvedge/agent'
import { duration } from '../output/duration.js'
import type { Cell } from '../output/table.js'

export const PEER_HEAD = ['SUBNET', 'ADDRESS', 'PATH', 'RTT', 'LOSS', 'SINCE', 'DRIFT', 'STATE'] as const

/** A drift is trouble for this long. */
const RECENT_MS = 10 * 60_000

/** What is wrong with a peer, in a word or two; undefined if nothing is. */
export function troubleOf({ path, failing, driftAt }: PeerStatus, now: number): string | undefined {
  if (failing > 0) return `${failing} not written`
  if (path === 'none') return 'refused'
  if (driftAt !== undefined && now - driftAt < RECENT_MS) return 'changed by others'
  return undefined
}

const GRAVITY = ['not written', 'refused', 'changed by others']

/** Those in trouble first, the gravest of them before the others. */
export function byTrouble(peers: readonly PeerStatus[], now: number): readonly PeerStatus[] {
  const rank = (peer: PeerStatus): number => {
    const trouble = troubleOf(peer, now)
    return trouble === undefined ? GRAVITY.length : GRAVITY.findIndex((word) => trouble.endsWith(word))
  }
  const ranked = peers.map((peer) => ({ peer, rank: rank(peer) }))
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ peer }) => peer)
}

/** Rows of a table; a second one for the second family. RTT and loss are not known to an agent that does not probe. */
export function peerRows(peer: PeerStatus, now: number): readonly (readonly Cell[])[] {
  const { subnet, ipv6Subnet, publicIp, publicIpv6, path, lastEvent, drift } = peer
  const trouble = troubleOf(peer, now)
  const first: Cell = subnet ?? ipv6Subnet ?? peer.key
  const row: Cell[] = [
    trouble === undefined
      ? first
      : { text: first, style: trouble === 'changed by others' ? 'yellow' : 'red' },
    publicIp ?? publicIpv6 ?? '-',
    path,
    '-',
    '-',
    lastEvent === undefined ? '-' : duration(now - lastEvent.at),
    drift === 0 ? '-' : String(drift),
    trouble ?? 'ok',
  ]
  if (subnet === undefined || ipv6Subnet === undefined) return [row]
  return [row, [ipv6Subnet, publicIp === undefined ? '' : (publicIpv6 ?? '')]]
}
