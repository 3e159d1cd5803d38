import { readFile } from 'node:fs/promises'
import { hostAddress } from '@selvedge/core/kit'
import { outputOf } from './run.js'

/** Who began a flow to the port, and who it went to. */
export interface Flow {
  readonly source: string
  readonly destination: string
  readonly isAnswered: boolean
}

/**
 * Flows to a UDP port, here or of a peer, as connection tracking has seen them lately. Empty too if they are not known:
 * connections are tracked only where a rule needs it, and are listed by /proc or by conntrack.
 */
export async function udpFlows(port: number | undefined): Promise<readonly Flow[]> {
  if (port === undefined) return []
  const text =
    (await readFile('/proc/net/nf_conntrack', 'utf8').catch(() => undefined)) ??
    (await outputOf('conntrack', ['-L', '-p', 'udp'])) ??
    ''
  return readFlows(text, port)
}

/** `… udp 17 29 src=A dst=B sport=P dport=Q [UNREPLIED] src=B dst=A …`, of /proc and of conntrack alike. */
const ENTRY = /\budp\b.*? src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)( \[UNREPLIED\])?/

/** Of two hosts one for each direction, though there are many, each with a source port of its own. */
export function readFlows(text: string, port: number): readonly Flow[] {
  const found = new Map<string, Flow>()
  for (const line of text.split('\n')) {
    const [, from, to, , destinationPort, unreplied] = ENTRY.exec(line) ?? []
    if (from === undefined || to === undefined || Number(destinationPort) !== port) continue
    const [source, destination] = [hostAddress(from) ?? from, hostAddress(to) ?? to]
    const key = `${source} ${destination}`
    const isAnswered = unreplied === undefined || found.get(key)?.isAnswered === true
    found.set(key, { source, destination, isAnswered })
  }
  return [...found.values()]
}
