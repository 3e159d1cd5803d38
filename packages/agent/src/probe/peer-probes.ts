import { type Clock, type Lease, leaseKey, type Overlay, type Random } from '@selvedge/core'
import { familyOf, sameNode } from '@selvedge/core/kit'
import { EventLimiter } from '../logging/event-limiter.js'
import type { Logger } from '../logging/logger.js'
import type { Direction, PathReport } from './path-state.js'
import { probeAddresses } from './probe-addresses.js'
import type { PathChange } from './probe-table.js'
import { type DroppedProbes, Prober } from './prober.js'

/** What probes have found about a peer; a family is absent if its lease has none, or it is not probed. */
export interface PeerProbe {
  readonly ipv4?: PathReport | undefined
  readonly ipv6?: PathReport | undefined
}

export interface PeerProbesOptions {
  readonly log: Logger
  readonly clock: Clock
  readonly random: Random
  readonly port: number
}

/** Thousands of peers may join at once: they are looked through at most this often. */
const REFRESH_MS = 1_000

const DIRECTIONS: Readonly<Record<Direction, string>> = {
  outbound: 'packets to it are lost, its own arrive',
  inbound: 'nothing of it arrives',
  unknown: 'it is not known which way packets are lost',
}

/** The peers of an overlay, probed through it until the signal aborts. */
export class PeerProbes {
  readonly #overlay: Overlay
  readonly #prober: Prober
  /** By overlay address. */
  #peers = new Map<string, Lease>()
  #isStale = true

  constructor(overlay: Overlay, { log, clock, random, port }: PeerProbesOptions, signal: AbortSignal) {
    this.#overlay = overlay
    const limiter = new EventLimiter({
      log,
      clock,
      signal,
      nouns: { unreachable: 'peers', reachable: 'peers' },
    })
    this.#prober = new Prober({
      clock,
      random,
      port,
      onChanges: (changes) => {
        for (const change of changes) this.#logChange(change, limiter)
      },
      onError: (address, error) =>
        log('warn', `peers cannot be probed from ${address}, port ${port}: ${error.message}; retrying`),
    })
    signal.addEventListener('abort', () => this.#prober[Symbol.dispose](), { once: true })
    for (const event of ['joined', 'lease', 'peer', 'sync'] as const) {
      overlay.on(event, () => {
        this.#isStale = true
      })
    }
    void this.#follow(clock, signal)
  }

  /** Undefined for a peer that is not probed. */
  of(lease: Lease): PeerProbe | undefined {
    const probe: { ipv4?: PathReport; ipv6?: PathReport } = {}
    for (const address of probeAddresses(lease, this.#overlay.config.backend?.type)) {
      const report = this.#prober.report(address)
      if (report !== undefined) probe[familyOf(address) === 4 ? 'ipv4' : 'ipv6'] = report
    }
    return probe.ipv4 === undefined && probe.ipv6 === undefined ? undefined : probe
  }

  get reports(): Iterable<PathReport> {
    return this.#prober.reports()
  }

  get dropped(): DroppedProbes {
    return this.#prober.dropped
  }

  /**
   * Why this node is cut off, in a sentence; undefined if it is not, or cannot be known: with one peer alone it is as likely
   * the peer's fault, and one that never answered may drop probes.
   */
  get whyIsolated(): string | undefined {
    const peers = this.#prober.isolatedFrom
    if (peers === undefined) return undefined
    return `${peers} peers that were reached before answer no probes through the overlay, and no other peer does`
  }

  async #follow(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#refresh()
      await clock.sleep(REFRESH_MS, { signal }).catch(() => undefined)
    }
  }

  #refresh(): void {
    const overlay = this.#overlay
    const { state, awaitsUplink } = overlay.status
    if (!this.#isStale || state !== 'running' || awaitsUplink !== undefined) return
    this.#isStale = false
    const backend = overlay.config.backend?.type
    const own = overlay.lease
    const peers = new Map<string, Lease>()
    for (const [key, lease] of overlay.leases) {
      if (sameNode(lease.attributes, own.attributes) || overlay.resourcesOf(key).length === 0) continue
      for (const address of probeAddresses(lease, backend)) peers.set(address, lease)
    }
    this.#peers = peers
    this.#prober.update(probeAddresses(own, backend), peers.keys())
  }

  #logChange({ address, report: { state, direction } }: PathChange, limiter: EventLimiter): void {
    const lease = this.#peers.get(address)
    if (lease === undefined || state === 'unknown') return
    const { publicIp, publicIpv6 } = lease.attributes
    const peer = `peer ${leaseKey(lease)} at ${publicIp ?? publicIpv6}`
    if (state === 'reachable') {
      limiter.report({ level: 'info', kind: 'reachable', message: `${peer} is reachable at ${address}` })
      return
    }
    const message = `${peer} is unreachable at ${address}: ${DIRECTIONS[direction ?? 'unknown']}`
    limiter.report({ level: 'warn', kind: 'unreachable', message, fields: { direction } })
  }
}
