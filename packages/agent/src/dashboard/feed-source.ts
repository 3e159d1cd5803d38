import type { PeerStatus, StatusPage } from '../observe/status-page.js'
import type { ChangeEvent, PeerRow, SnapshotEvent, Summary } from './browser/feed.js'
import { measured } from './measured.js'
import type { RecentEvents } from './recent-events.js'

export interface FeedSources {
  readonly page: StatusPage
  readonly recent: Pick<RecentEvents, 'drift' | 'syncs' | 'peerEvents'>
  readonly host: string
  /** In ms since the epoch. */
  readonly now: number
}

/** What the page shows, of what the agent knows: no secrets, and nothing that changes merely because time passes. */
export function snapshotOf({ page, recent, host, now }: FeedSources): SnapshotEvent {
  const { version, waitingFor, node, store, kernel, config, peerCount } = page
  const summary: Summary = {
    version,
    host,
    waitingFor,
    node: node && {
      subnets: present(node.lease.subnet, node.lease.ipv6Subnet),
      addresses: present(node.lease.publicIp, node.lease.publicIpv6),
      expiresAt: node.lease.expiresAt,
      backend: node.backend,
      mtu: node.mtu,
      interfaceName: node.externalInterface.name,
    },
    store: {
      name: store.name,
      connected: store.connected,
      staleSince: store.staleMs > 0 ? toSecond(now - store.staleMs) : undefined,
      fromCache: store.fromCache,
      error: store.error,
    },
    kernel,
    configDifferences: config?.differences ?? [],
    configProblem: config?.problem,
    drift: recent.drift,
    syncs: recent.syncs,
    events: recent.peerEvents,
    peerCount,
  }
  return { summary, peers: page.peers.map(peerRow) }
}

function peerRow(peer: PeerStatus): PeerRow {
  const { key, subnet, ipv6Subnet, publicIp, publicIpv6, backendType, path, failing, drift } = peer
  return {
    key,
    subnets: present(subnet, ipv6Subnet),
    addresses: present(publicIp, publicIpv6),
    backend: backendType ?? '',
    path,
    failing,
    drift,
    driftAt: peer.driftAt,
    changedAt: peer.lastEvent?.at,
    ...measured([peer.probe?.ipv4, peer.probe?.ipv6].filter((report) => report !== undefined)),
  }
}

/** A snapshot with the text of each part, so that the next is compared with it quickly. */
export interface ComparedSnapshot {
  readonly summaryText: string
  readonly peerTexts: ReadonlyMap<string, string>
}

export function compared({ summary, peers }: SnapshotEvent): ComparedSnapshot {
  return {
    summaryText: JSON.stringify(summary),
    peerTexts: new Map(peers.map((peer) => [peer.key, JSON.stringify(peer)])),
  }
}

/** What leads from one to the next; undefined if nothing has changed. */
export function changeBetween(
  before: ComparedSnapshot,
  after: ComparedSnapshot,
  { summary, peers }: SnapshotEvent,
): ChangeEvent | undefined {
  const put = peers.filter(({ key }) => before.peerTexts.get(key) !== after.peerTexts.get(key))
  const gone = [...before.peerTexts.keys()].filter((key) => !after.peerTexts.has(key))
  const isSummaryNew = before.summaryText !== after.summaryText
  if (!isSummaryNew && put.length === 0 && gone.length === 0) return undefined
  return { ...(isSummaryNew && { summary }), put, gone }
}

const present = (...texts: readonly (string | undefined)[]): string[] =>
  texts.filter((text) => text !== undefined)

const toSecond = (ms: number): number => Math.round(ms / 1000) * 1000
