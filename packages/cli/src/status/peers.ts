import type { Direction, PathReport, PeerStatus } from '@selvedge/agent'
import { duration } from '../output/duration.js'
import { lossText, rttText } from '../output/echo.js'
import type { Cell } from '../output/table.js'

export const PEER_HEAD = [
  'SUBNET',
  'ADDRESS',
  'PATH',
  'MTU',
  'RTT',
  'LOSS',
  'SINCE',
  'DRIFT',
  'STATE',
] as const

/** A drift is trouble for this long. */
const RECENT_MS = 10 * 60_000

/** What is wrong with a peer, in a word or two; undefined if nothing is. */
export function troubleOf({ path, failing, driftAt, probe }: PeerStatus, now: number): string | undefined {
  const unreachable = [probe?.ipv4, probe?.ipv6].find((each) => each?.state === 'unreachable')
  if (unreachable !== undefined) return UNREACHABLE[unreachable.direction ?? 'unknown']
  if (failing > 0) return `${failing} not written`
  if (path === 'none') return 'refused'
  if (driftAt !== undefined && now - driftAt < RECENT_MS) return 'changed by others'
  return undefined
}

const UNREACHABLE: Readonly<Record<Direction, string>> = {
  outbound: 'lost on the way to it',
  inbound: 'lost on the way from it',
  unknown: 'unreachable',
}

/** Of one that is not in trouble: whether what is measured of it is all that there could be. */
function wellText({ probe }: PeerStatus): string {
  const reports = [probe?.ipv4, probe?.ipv6].filter((report) => report !== undefined)
  if (reports.some(({ state, loss }) => state === 'unknown' && loss !== undefined)) return 'answers no probes'
  return reports.some(({ responds }) => responds === false) ? 'ok, does not probe' : 'ok'
}

const GRAVITY = [...Object.values(UNREACHABLE), 'not written', 'refused', 'changed by others']

/** Those in trouble first, the gravest of them before the others. */
export function byTrouble(peers: readonly PeerStatus[], now: number): readonly PeerStatus[] {
  const rank = (peer: PeerStatus): number => {
    const trouble = troubleOf(peer, now)
    return trouble === undefined ? GRAVITY.length : GRAVITY.findIndex((word) => trouble.endsWith(word))
  }
  const ranked = peers.map((peer) => ({ peer, rank: rank(peer) }))
  return ranked.toSorted((a, b) => a.rank - b.rank).map(({ peer }) => peer)
}

/** The largest packet of a pod's, in bytes, that fits each way; undefined if the agent does not say it. */
export interface PathMtus {
  readonly tunnel: number | undefined
  readonly direct: number | undefined
}

function mtuOf(path: PeerStatus['path'], { tunnel, direct }: PathMtus): string {
  if (path === 'none') return '-'
  const mtu = path === 'direct' ? direct : tunnel
  return mtu === undefined ? '-' : String(mtu)
}

/** Rows of a table; a second one for the second family. RTT and loss are known only to an agent that probes. */
export function peerRows(peer: PeerStatus, now: number, mtus: PathMtus): readonly (readonly Cell[])[] {
  const { subnet, ipv6Subnet, publicIp, publicIpv6, path, lastEvent, drift, probe } = peer
  const main = subnet === undefined ? probe?.ipv6 : probe?.ipv4
  const trouble = troubleOf(peer, now)
  const first: Cell = subnet ?? ipv6Subnet ?? peer.key
  const row: Cell[] = [
    trouble === undefined
      ? first
      : { text: first, style: trouble === 'changed by others' ? 'yellow' : 'red' },
    publicIp ?? publicIpv6 ?? '-',
    path,
    mtuOf(path, mtus),
    rttText(main?.rttMs),
    lossOf(main),
    lastEvent === undefined ? '-' : duration(now - lastEvent.at),
    drift === 0 ? '-' : String(drift),
    trouble ?? wellText(peer),
  ]
  if (subnet === undefined || ipv6Subnet === undefined) return [row]
  return [
    row,
    [
      ipv6Subnet,
      publicIp === undefined ? '' : (publicIpv6 ?? ''),
      '',
      '',
      rttText(probe?.ipv6?.rttMs),
      lossOf(probe?.ipv6),
    ],
  ]
}

/** What a peer that has never answered loses is not known: it may drop probes. */
const lossOf = (report: PathReport | undefined): string =>
  lossText(report?.state === 'unknown' ? undefined : report?.loss)
