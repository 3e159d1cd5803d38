/** Where the nodes of the drawing are. */
import type { PeerRow } from './feed.js'
import { type Level, peerVerdict } from './verdicts.js'

export interface DrawnNode {
  readonly x: number
  readonly y: number
  readonly radius: number
  readonly level: Level
  readonly path: PeerRow['path']
  /** Beside it; empty if there is no room. */
  readonly label: string
  /** For whoever points at it. */
  readonly title: string
}

export const DRAWING = { width: 560, height: 320 } as const

/** Beyond this many, peers that are alike are drawn as one. */
const MAX_NODES = 100
const MAX_LABELS = 16

export function drawnNodes(peers: readonly PeerRow[], now: number): readonly DrawnNode[] {
  return peers.length > MAX_NODES ? groups(peers, now) : singles(peers, now)
}

function singles(peers: readonly PeerRow[], now: number): readonly DrawnNode[] {
  return peers.map((peer, index) => {
    const { level, text } = peerVerdict(peer, now)
    const name = peer.subnets[0] ?? peer.key
    return {
      ...place(index, peers.length),
      radius: peers.length > 40 ? 5 : 7,
      level,
      path: peer.path,
      label: peers.length > MAX_LABELS ? '' : name,
      title: `${name} at ${peer.addresses[0] ?? 'no address'}: ${text}`,
    }
  })
}

function groups(peers: readonly PeerRow[], now: number): readonly DrawnNode[] {
  const counts = new Map<string, { path: PeerRow['path']; backend: string; level: Level; count: number }>()
  for (const peer of peers) {
    const { level } = peerVerdict(peer, now)
    const { path, backend } = peer
    const key = `${path} ${level} ${backend}`
    const group = counts.get(key) ?? { path, backend, level, count: 0 }
    group.count += 1
    counts.set(key, group)
  }
  const all = [...counts.values()].sort((a, b) => b.count - a.count).slice(0, MAX_LABELS)
  return all.map(({ path, backend, level, count }, index) => ({
    ...place(index, all.length),
    radius: Math.min(34, 8 + Math.sqrt(count) / 2.5),
    level,
    path,
    label: `${count.toLocaleString('en')} ${PATH_TEXTS[path]}`,
    title: `${count} peers, ${PATH_TEXTS[path]}, ${backend || 'no backend'}`,
  }))
}

export const PATH_TEXTS: Readonly<Record<PeerRow['path'], string>> = {
  direct: 'direct',
  tunnel: 'tunnelled',
  mixed: 'direct and tunnelled',
  none: 'without a path',
}

/** Around this node, which is in the middle. */
function place(index: number, count: number): { readonly x: number; readonly y: number } {
  const angle = (2 * Math.PI * index) / count
  const { width, height } = DRAWING
  return {
    x: Math.round(width / 2 + Math.cos(angle) * (width / 2 - 120)),
    y: Math.round(height / 2 + Math.sin(angle) * (height / 2 - 46)),
  }
}
