import { type Lease, leaseKey, networkConfigJson, type Overlay, type Resource } from '@selvedge/core'
import { isRoute, sameNode } from '@selvedge/core/kit'
import type { PeerProbe, PeerProbes } from '../probe/peer-probes.js'
import { withoutSecrets } from '../secrets.js'
import type { DriftRecord, PeerHistory } from './peer-history.js'
import type { AgentPlace } from './rival.js'

/** How this node's packets reach a peer: by a route of the underlay, inside a tunnel, or not at all. */
export type PeerPath = 'direct' | 'tunnel' | 'mixed' | 'none'

/** One peer in the page. Times are in ms since the epoch. */
export interface PeerStatus {
  /** As `leaseKey` of core makes it, such as `10.244.5.0-24`. */
  readonly key: string
  /** The IPv4 subnet, CIDR. */
  readonly subnet?: string | undefined
  /** The IPv6 subnet, CIDR. */
  readonly ipv6Subnet?: string | undefined
  /** The IPv4 address at which it is reached. */
  readonly publicIp?: string | undefined
  /** The IPv6 address at which it is reached. */
  readonly publicIpv6?: string | undefined
  /** Such as `vxlan`. Absent if flannel publishes none (udp, alloc). */
  readonly backendType?: string | undefined
  /** `none`: its lease has no resources here; the log says why. */
  readonly path: PeerPath
  /** How many of its entries cannot be written now. */
  readonly failing: number
  /** When its lease last came or changed. Absent if this agent has seen no such event. */
  readonly lastEvent?: { readonly type: 'put'; readonly at: number } | undefined
  /** How many of its entries other programs have changed since this agent started. */
  readonly drift: number
  /** When another program last changed one of its entries. Absent if none has. */
  readonly driftAt?: number | undefined
  /** Absent if the agent does not probe it. */
  readonly probe?: PeerProbe | undefined
}

/**
 * The page `/status` of the control socket. Fields may be added; what is there keeps its meaning as long as `format` is the
 * same.
 */
export interface StatusPage {
  readonly format: 1
  /** The agent's. */
  readonly version: string
  /** Whether pods can be set up, and reach peers; if not, `waitingFor` says why. */
  readonly ready: boolean
  /** Why not; a sentence. */
  readonly waitingFor?: string | undefined
  /** Absent while the agent has no lease. */
  readonly node?:
    | {
        readonly lease: {
          readonly key: string
          readonly subnet?: string | undefined
          readonly ipv6Subnet?: string | undefined
          readonly publicIp?: string | undefined
          readonly publicIpv6?: string | undefined
          /** Absent for a reservation, and on Kubernetes. */
          readonly expiresAt?: number | undefined
        }
        readonly backend: string
        /** For pods, in bytes. */
        readonly mtu: number
        readonly externalInterface: {
          readonly name: string
          /** In bytes: of packets to peers that are reached directly. */
          readonly mtu: number
          readonly reason?: string | undefined
        }
      }
    | undefined
  /** What tells the agent from another on its host. Agents before 0.2.0 do not say. */
  readonly place?: AgentPlace | undefined
  /** Where leases come from, and how fresh what is known of them is. */
  readonly store: {
    readonly name: string
    readonly connected: boolean
    /** For how long what is known has not been confirmed, in ms. */
    readonly staleMs: number
    readonly fromCache: boolean
    readonly error?: string | undefined
  }
  /** The network config. Absent while the agent has none. */
  readonly config?:
    | {
        /** Without secrets. */
        readonly inForce: unknown
        /** What of the last valid one in the store differs from the one in force, in a phrase each. */
        readonly differences: readonly string[]
        /** Why the one in the store cannot be used; absent if it can. */
        readonly problem?: string | undefined
        /** For how long the store has not said what config it has, in ms: it is asked about once a minute. */
        readonly staleMs: number
      }
    | undefined
  /** How many resources are desired, held and failing. */
  readonly kernel: {
    readonly inSync: boolean
    readonly desired: number
    readonly actual: number
    readonly failed: number
    /** The first few. */
    readonly failures: readonly { readonly key: string; readonly message: string }[]
  }
  /** How often other programs changed what is the overlay's since this agent started, and the last of these changes. */
  readonly drift: { readonly total: number; readonly last: readonly DriftRecord[] }
  /** How many peers there are, listed in `peers` or not. */
  readonly peerCount: number
  /** The first 10,000. */
  readonly peers: readonly PeerStatus[]
}

/** What the page is made of. */
export interface StatusSources {
  readonly version: string
  /** In ms since the epoch. */
  readonly now: number
  readonly overlay: Overlay | undefined
  readonly history: PeerHistory
  /** Undefined if peers are not probed. */
  readonly probes: Pick<PeerProbes, 'of'> | undefined
  readonly waitingFor: string | undefined
  readonly store: Omit<StatusPage['store'], 'error'>
  /** What of the config in the store differs from the one in force. */
  readonly configDifferences: readonly string[]
  /** Takes secrets out of a text. */
  readonly sanitize: (text: string) => string
}

const MAX_PEERS = 10_000
const MAX_FAILURES = 20

/** The page as it is now. */
export function statusPage(sources: StatusSources): StatusPage {
  const { version, overlay, history, probes, waitingFor, store, sanitize } = sources
  const status = overlay?.status
  const failures = status?.failures ?? []
  const failing = new Map<string, number>()
  for (const { key } of failures) {
    for (const owner of overlay?.ownersOf(key) ?? []) failing.set(owner, (failing.get(owner) ?? 0) + 1)
  }
  const peers: PeerStatus[] = []
  let peerCount = 0
  const own = ownLease(overlay)
  if (overlay !== undefined && own !== undefined) {
    for (const [key, lease] of overlay.leases) {
      if (sameNode(lease.attributes, own.attributes)) continue
      peerCount += 1
      if (peers.length < MAX_PEERS) {
        const status = peerStatus(key, lease, overlay.resourcesOf(key), history, failing.get(key) ?? 0)
        peers.push({ ...status, probe: probes?.of(lease) })
      }
    }
  }
  return {
    format: 1,
    version,
    ready: waitingFor === undefined,
    waitingFor,
    node: overlay === undefined || own === undefined ? undefined : nodeOf(overlay, own),
    store: {
      ...store,
      error: status?.storeError === undefined ? undefined : sanitize(status.storeError.message),
    },
    config:
      overlay === undefined || own === undefined
        ? undefined
        : {
            inForce: withoutSecrets(networkConfigJson(overlay.config)),
            differences: sources.configDifferences,
            problem: status?.configError && sanitize(status.configError.message),
            staleMs: Math.max(0, sources.now - (status?.configAsOf ?? sources.now)),
          },
    kernel: {
      inSync: status?.inSync ?? false,
      desired: status?.desired ?? 0,
      actual: status?.actual ?? 0,
      failed: failures.length,
      failures: failures
        .slice(0, MAX_FAILURES)
        .map(({ key, error }) => ({ key, message: sanitize(error.message) })),
    },
    drift: { total: history.driftCount, last: history.drifts },
    peerCount,
    peers,
  }
}

/** Undefined before there is one, and while the overlay restarts. */
function ownLease(overlay: Overlay | undefined): Lease | undefined {
  return overlay?.status.state === 'running' ? overlay.lease : undefined
}

function nodeOf(overlay: Overlay, own: Lease): StatusPage['node'] {
  const { subnet, ipv6Subnet, attributes, expiresAt } = own
  const { publicIp, publicIpv6 } = attributes
  const { name, mtu, reason } = overlay.externalInterface
  return {
    lease: { key: leaseKey(own), subnet, ipv6Subnet, publicIp, publicIpv6, expiresAt },
    backend: overlay.config.backend?.type ?? 'udp',
    mtu: overlay.mtu,
    externalInterface: { name, mtu, reason },
  }
}

function peerStatus(
  key: string,
  { subnet, ipv6Subnet, attributes }: Lease,
  resources: readonly Resource[],
  history: PeerHistory,
  failing: number,
): PeerStatus {
  const { publicIp, publicIpv6, backendType } = attributes
  const record = history.of(key)
  return {
    key,
    subnet,
    ipv6Subnet,
    publicIp,
    publicIpv6,
    backendType,
    path: pathOf(resources, [publicIp, publicIpv6]),
    failing,
    lastEvent: record?.lastEvent,
    drift: record?.drift ?? 0,
    driftAt: record?.driftAt,
  }
}

/**
 * By its routes: one via the peer's own address that the interface is not told to take for on-link is the underlay's. ipip's
 * goes by that address too, and into a tunnel.
 */
export function pathOf(resources: readonly Resource[], addresses: readonly (string | undefined)[]): PeerPath {
  if (resources.length === 0) return 'none'
  const routes = resources.filter(isRoute)
  const direct = routes.filter(
    ({ gateway, onLink }) => gateway !== undefined && !onLink && addresses.includes(gateway),
  )
  if (direct.length === 0) return 'tunnel'
  return direct.length === routes.length ? 'direct' : 'mixed'
}
