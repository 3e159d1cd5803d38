import type { Lease, Overlay, OverlayError } from '@selvedge/core'
import type { AgentState } from './agent-state.js'
import type { LateMetrics } from './observe/lazy-metrics.js'
import type { AgentServices } from './services.js'
import type { HeardStore } from './stores/tracked-store.js'

export interface Reporting {
  readonly services: Pick<AgentServices, 'log'>
  readonly state: AgentState
  readonly metrics: LateMetrics | undefined
  readonly store: HeardStore
  /** What subnet.env says has changed. */
  readonly publish: () => void
}

/** Someone who fights us may change thousands of entries: some of them tell the story. */
const KEYS_SHOWN = 5

/** Logs and counts what an overlay tells, and passes on what calls for a new subnet.env. */
export function reportOverlay(
  overlay: Overlay,
  { services, state, metrics, store, publish }: Reporting,
): void {
  const { log } = services
  overlay.on('lease', (event) => {
    const { type, lease } = event
    log(type === 'lost' ? 'warn' : 'info', LEASE_TEXTS[type], describe(lease))
    metrics?.observe((made) => made.lease(event))
    if (type === 'changed' && overlay.status.state === 'running') publish()
    state.tell()
  })
  overlay.on('peer', ({ type, lease }) => {
    log('debug', type === 'put' ? 'peer joined or changed' : 'peer left', () => describe(lease))
  })
  overlay.on('sync', (report) => {
    log('debug', 'kernel written', { ...report, duration: Number(report.durationMs.toFixed(1)) })
    metrics?.observe((made) => made.sync(report))
    state.tell()
  })
  overlay.on('drift', (drift) => {
    const keys = drift.slice(0, KEYS_SHOWN).map(({ key, was }) => `${key} ${was}`)
    log('warn', 'somebody else changed what is ours: putting it right', { entries: drift.length, keys })
    metrics?.observe((made) => made.drift(drift))
  })
  overlay.on('mtu', (mtu) => {
    log('info', 'the MTU for pods changed', { mtu })
    publish()
  })
  overlay.on('error', (error) => {
    // That the store is lost was told once, and is being retried all the time.
    const again = error.code === 'STORE_UNAVAILABLE' && store.silence > 0
    log(again ? 'debug' : 'error', error.message, describeError(error))
    metrics?.observe((made) => made.error(error))
    state.tell()
  })
  overlay.on('warning', (text) => log('warn', text))
}

const LEASE_TEXTS = {
  acquired: 'lease acquired',
  renewed: 'lease renewed',
  changed: 'lease changed',
  lost: 'lease lost: acquiring one again',
}

function describe({ subnet, ipv6Subnet, attributes, expiresAt }: Lease): Record<string, unknown> {
  const { publicIp, publicIpv6 } = attributes
  const expires = expiresAt === undefined ? undefined : new Date(expiresAt).toISOString()
  return withoutUndefined({ subnet, ipv6Subnet, publicIp, publicIpv6, expires })
}

/** Our own errors say it all in their message; of others' it is worth knowing where they come from. */
function describeError({ code, errno, cause }: OverlayError): Record<string, unknown> {
  const unforeseen = cause instanceof TypeError ? { cause } : {}
  return withoutUndefined({ code, errno, ...unforeseen })
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
