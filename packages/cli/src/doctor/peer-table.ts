import { lossText, rttText } from '../output/echo.js'
import type { Cell } from '../output/table.js'
import type { PathFact } from './facts/paths.js'

export const PEER_HEAD = ['PEER', 'ADDRESS', 'ASKED', 'WAY', 'RTT', 'LOSS', 'MTU'] as const

/** More are counted: the first are those in trouble. */
const MAX_SHOWN = 16

/** A row a peer that was tried, and one for each direction if they differ. */
export function peerTable(tried: readonly PathFact[], mtu: number | undefined) {
  const ordered = tried.toSorted((a, b) => Number(isWell(a, mtu)) - Number(isWell(b, mtu)))
  return {
    rows: ordered.slice(0, MAX_SHOWN).flatMap((path) => rowsOf(path, mtu)),
    more: Math.max(0, ordered.length - MAX_SHOWN),
  }
}

function rowsOf(path: PathFact, mtu: number | undefined): readonly (readonly Cell[])[] {
  const { subnet, publicIp, overlay, underlay, longest, eachWay } = path
  const echo = overlay ?? underlay
  const style = 'red'
  const first: Cell = isWell(path, mtu) ? subnet : { text: subnet, style }
  // Where a tunnel carries nothing, what the host itself answers says where to look.
  const asked = overlay !== undefined ? 'overlay' : underlay !== undefined ? 'host' : '-'
  const loss = echo && 1 - echo.received / echo.sent
  const echoes = [rttText(echo?.rttMs), lossText(loss)]
  const there = eachWay === undefined ? longest : eachWay.there
  const back = eachWay === undefined ? longest : eachWay.back
  if (there === back) return [[first, publicIp, asked, 'both', ...echoes, text(there ?? longest)]]
  // What passes both passes each.
  const atLeast = longest === undefined ? '-' : `≥${longest}`
  return [
    [first, publicIp, asked, 'there', ...echoes, there === undefined ? atLeast : text(there)],
    [{ text: '', style }, '', '', 'back', '', '', back === undefined ? atLeast : text(back)],
  ]
}

const text = (length: number | undefined): string => (length === undefined ? '-' : String(length))

const isWell = ({ overlay, underlay, longest }: PathFact, mtu: number | undefined): boolean => {
  const echo = overlay ?? underlay
  return echo !== undefined && echo.received === echo.sent && (longest ?? 0) >= (mtu ?? 0)
}
