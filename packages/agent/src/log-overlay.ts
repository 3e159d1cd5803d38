import type { Lease, NetworkConfig, Overlay, OverlayError } from '@selvedge/core'
import type { AgentState } from './agent-state.js'
import { EventLimiter } from './logging/event-limiter.js'
import type { LazyMetrics } from './observe/lazy-metrics.js'
import type { AgentServices } from './services.js'
import type { TrackedStore } from './stores/tracked-store.js'

export interface OverlayLogContext {
  readonly services: Pick<AgentServices, 'log' | 'clock'>
  /** Aborts when the overlay stops. */
  readonly signal: AbortSignal
  readonly state: AgentState
  readonly metrics: LazyMetrics | undefined
  readonly store: TrackedStore
  /** Called when subnet.env must be written again. */
  readonly publish: () => void
}

/** Another program may change thousands of entries: a few of them say which. */
const MAX_KEYS_SHOWN = 5

/** Logs and counts an overlay's events, and publishes subnet.env again when one of them changes it. */
export function logOverlay(
  overlay: Overlay,
  { services, signal, state, metrics, store, publish }: OverlayLogContext,
): void {
  const { log } = services
  let lastConfig: string | undefined
  overlay.on('config', ({ type, config }) => {
    if (type === 'changed') return // a warning says so
    // A start that is retried reads it again and again.
    const fields = describeConfig(config)
    if (JSON.stringify(fields) !== lastConfig) log('info', 'network config', fields)
    lastConfig = JSON.stringify(fields)
  })
  // Also after the overlay has restarted by itself, under another config.
  overlay.on('joined', publish)
  overlay.on('uplink', (event) => {
    const { name: interfaceName, ipv4, ipv6, mtu } = event.externalInterface
    if (event.type === 'found') {
      log('info', 'the uplink is there', withoutUndefined({ interface: interfaceName, ipv4, ipv6, mtu }))
    } else {
      log(
        'warn',
        `waiting for an uplink: ${event.why}. Meanwhile this node is what it was before: pods of this host reach one another`,
        withoutUndefined({ interface: interfaceName, ipv4, ipv6, mtu }),
      )
    }
    state.reportStatus()
  })
  overlay.on('retry', ({ delayMs }) =>
    log('debug', 'the start failed, and is retried', { delayMs: Math.round(delayMs) }),
  )
  overlay.on('lease', (event) => {
    const { type, lease } = event
    log(type === 'lost' ? 'warn' : 'info', LEASE_TEXTS[type], describe(lease))
    metrics?.observe((made) => made.lease(event))
    if (type === 'changed') publish()
    state.reportStatus()
  })
  overlay.on('peer', ({ type, lease }) => {
    log('debug', type === 'put' ? 'peer joined or changed' : 'peer left', () => describe(lease))
  })
  overlay.on('sync', (report) => {
    log('debug', 'kernel written', { ...report, duration: Number(report.durationMs.toFixed(1)) })
    metrics?.observe((made) => made.sync(report))
    state.reportStatus()
  })
  overlay.on('drift', (drift) => {
    const keys = drift.slice(0, MAX_KEYS_SHOWN).map(({ key, was }) => `${key} ${was}`)
    const by = drift.find((each) => each.by !== undefined)?.by
    const who = by === undefined ? {} : { by: by.name ?? 'a program that has ended', pid: by.pid }
    log('warn', "another program changed the overlay's entries: restoring them", {
      entries: drift.length,
      keys,
      ...who,
    })
    metrics?.observe((made) => made.drift(drift))
  })
  overlay.on('mtu', (mtu) => {
    log('info', 'the MTU for pods changed', { mtu })
    publish()
  })
  const recurring = new EventLimiter({
    log,
    clock: services.clock,
    signal,
    nouns: NOUNS,
    happenings: HAPPENINGS,
  })
  overlay.on('error', (error) => {
    // That the store is unavailable was logged once, when the watch lost it.
    const level = error.code === 'STORE_UNAVAILABLE' && store.disconnectedMs > 0 ? 'debug' : 'error'
    recurring.report({ level, kind: error.code, message: error.message, fields: describeError(error) })
    metrics?.observe((made) => made.error(error))
    state.reportStatus()
  })
  overlay.on('recovered', ({ code, message }) => recurring.forget(code, message))
  overlay.on('warning', (message) => recurring.report({ level: 'warn', kind: 'warning', message }))
}

const NOUNS = {
  INVALID_LEASE: 'records like this',
  LEASE_CONFLICT: 'conflicts like this',
  warning: 'warnings',
}

/** Stores and the overlay report these when they happen, and not while they last. */
const HAPPENINGS = ['INVALID_LEASE', 'LEASE_CONFLICT', 'warning']

const LEASE_TEXTS = {
  acquired: 'lease acquired',
  renewed: 'lease renewed',
  changed: 'lease changed',
  lost: 'lease lost: acquiring one again',
}

function describeConfig({ ipv4, ipv6, backend }: NetworkConfig): Record<string, unknown> {
  return withoutUndefined({ network: ipv4?.network, ipv6Network: ipv6?.network, backend: backend?.type })
}

function describe({ subnet, ipv6Subnet, attributes, expiresAt }: Lease): Record<string, unknown> {
  const { publicIp, publicIpv6 } = attributes
  const expires = expiresAt === undefined ? undefined : new Date(expiresAt).toISOString()
  return withoutUndefined({ subnet, ipv6Subnet, publicIp, publicIpv6, expires })
}

/** Messages of our own errors are complete; an unforeseen one needs its origin. */
function describeError({ code, errno, cause }: OverlayError): Record<string, unknown> {
  const unforeseen = cause instanceof TypeError ? { cause } : {}
  return withoutUndefined({ code, errno, ...unforeseen })
}

function withoutUndefined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
