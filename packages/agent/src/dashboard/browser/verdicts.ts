/** What a state means for people. */
import type { PeerRow, Summary } from './feed.js'
import { countText } from './texts.js'

export type Level = 'ok' | 'warn' | 'bad'

export interface Verdict {
  readonly level: Level
  readonly text: string
}

/** Drift that was repaired is worth a look for this long. */
const RECENT_DRIFT_MS = 10 * 60_000
const BAD_LOSS = 0.05

const FAULT_TEXTS: Readonly<Record<NonNullable<PeerRow['fault']>, string>> = {
  outbound: 'not reached',
  inbound: 'nothing arrives',
  unknown: 'no answer',
}

export function peerVerdict(peer: PeerRow, now: number): Verdict {
  if (peer.path === 'none') return { level: 'bad', text: 'refused' }
  if (peer.failing > 0) return { level: 'bad', text: `${peer.failing} failing` }
  if (peer.fault !== undefined) return { level: 'bad', text: FAULT_TEXTS[peer.fault] }
  if (peer.loss !== undefined && peer.loss >= BAD_LOSS) return { level: 'warn', text: 'loss' }
  if (peer.driftAt !== undefined && now - peer.driftAt < RECENT_DRIFT_MS) {
    return { level: 'warn', text: 'changed' }
  }
  return { level: 'ok', text: peer.silent === true ? 'held, answers no probes' : 'held' }
}

/** The whole in one line. */
export function overallVerdict(summary: Summary, troubled: number): Verdict {
  const { waitingFor, kernel, store } = summary
  if (waitingFor !== undefined) return { level: 'bad', text: 'Not ready' }
  if (kernel.failed > 0)
    return { level: 'bad', text: countText(kernel.failed, 'entry fails', 'entries fail') }
  if (troubled > 0) return { level: 'bad', text: countText(troubled, 'peer in trouble', 'peers in trouble') }
  if (!store.connected) return { level: 'warn', text: 'Store unavailable' }
  return kernel.inSync ? { level: 'ok', text: 'In sync' } : { level: 'warn', text: 'Writing' }
}

export function levelCounts(peers: Iterable<PeerRow>, now: number): Readonly<Record<Level, number>> {
  const counts = { ok: 0, warn: 0, bad: 0 }
  for (const peer of peers) counts[peerVerdict(peer, now).level] += 1
  return counts
}
