/** What the agent sends to the page. Times are in ms since the epoch. */
export interface Feed {
  readonly summary: Summary
  /** By key, in the order in which they came. */
  readonly peers: ReadonlyMap<string, PeerRow>
}

export interface PeerRow {
  readonly key: string
  readonly subnets: readonly string[]
  readonly addresses: readonly string[]
  readonly backend: string
  readonly path: 'direct' | 'tunnel' | 'mixed' | 'none'
  /** Entries that cannot be written now. */
  readonly failing: number
  /** Entries that other programs have changed, and when the last. */
  readonly drift: number
  readonly driftAt?: number | undefined
  /** When it came, or changed last, as far as the agent has seen it. */
  readonly changedAt?: number | undefined
  /** Round trip through the overlay, in ms; absent if it is not probed, or does not answer itself. */
  readonly rttMs?: number | undefined
  /** Share of probes without an answer, 0 to 1; absent if it is not probed. */
  readonly loss?: number | undefined
  /**
   * It has answered probes, and does no more. `outbound`: what this node sends does not arrive, while its own packets do.
   * `inbound`: nothing from it arrives. `unknown`: it cannot be told which.
   */
  readonly fault?: 'outbound' | 'inbound' | 'unknown' | undefined
  /** It has never answered a probe: it may drop them. Of two families, one is enough. */
  readonly silent?: true | undefined
}

export interface DriftRow {
  readonly at: number
  readonly key: string
  readonly was: 'missing' | 'changed' | 'unexpected'
  readonly by?: { readonly pid: number; readonly name?: string | undefined } | undefined
}

export interface SyncRow {
  readonly at: number
  readonly put: number
  readonly deleted: number
  readonly failed: number
  readonly durationMs: number
}

export interface PeerEventRow {
  readonly at: number
  readonly type: 'put' | 'delete'
  readonly subnet: string
}

export interface Summary {
  readonly version: string
  readonly host: string
  /** Why pods cannot be set up; absent if they can. */
  readonly waitingFor?: string | undefined
  /** Absent while the agent has no lease. */
  readonly node?:
    | {
        readonly subnets: readonly string[]
        readonly addresses: readonly string[]
        readonly expiresAt?: number | undefined
        readonly backend: string
        readonly mtu: number
        readonly interfaceName: string
      }
    | undefined
  readonly store: {
    readonly name: string
    readonly connected: boolean
    /** Since when what is known has not been confirmed. */
    readonly staleSince?: number | undefined
    readonly fromCache: boolean
    readonly error?: string | undefined
  }
  readonly kernel: {
    readonly inSync: boolean
    readonly desired: number
    readonly actual: number
    readonly failed: number
    readonly failures: readonly { readonly key: string; readonly message: string }[]
  }
  /** What of the config in the store differs from the one in force. */
  readonly configDifferences: readonly string[]
  /** Why the config in the store cannot be used; absent if it can. */
  readonly configProblem?: string | undefined
  readonly drift: {
    readonly total: number
    /** The last one first. */
    readonly last: readonly DriftRow[]
    /** How many there were in each of the last minutes that had some. */
    readonly minutes: readonly { readonly at: number; readonly count: number }[]
  }
  /** Rounds of writes, the last one first. */
  readonly syncs: readonly SyncRow[]
  /** Peers that came, changed or left, the last one first. */
  readonly events: readonly PeerEventRow[]
  readonly peerCount: number
}

/** Everything: the first event, and the one after a gap. */
export interface SnapshotEvent {
  readonly summary: Summary
  readonly peers: readonly PeerRow[]
}

/** What has changed since the event before. */
export interface ChangeEvent {
  /** Absent if it is the same. */
  readonly summary?: Summary | undefined
  readonly put: readonly PeerRow[]
  readonly gone: readonly string[]
}

export function fromSnapshot({ summary, peers }: SnapshotEvent): Feed {
  return { summary, peers: new Map(peers.map((peer) => [peer.key, peer])) }
}

export function withChange(feed: Feed, { summary, put, gone }: ChangeEvent): Feed {
  const peers = new Map(feed.peers)
  for (const key of gone) peers.delete(key)
  for (const peer of put) peers.set(peer.key, peer)
  return { summary: summary ?? feed.summary, peers }
}
