import { type Clock, type Lease, leaseKey, type Overlay, type Random } from '@selvedge/core'
import { familyOf, sameNode } from '@selvedge/core/kit'
import { EventLimiter } from '../logging/event-limiter.js'
import type { Logger } from '../logging/logger.js'
import { type PathName, PathNames } from './path-name.js'
import type { Direction, PathReport } from './path-state.js'
import { probeAddresses } from './probe-addresses.js'
import type { PathChange } from './probe-table.js'
import { type DroppedProbes, Prober } from './prober.js'
import type { Row } from './row-datagram.js'

/** What probes have found about a peer; a family is absent if its lease has none, or it is not probed. */
export interface PeerProbe {
  /** Of its IPv4 address in the overlay. */
  readonly ipv4?: PathReport | undefined
  /** Of its IPv6 address in the overlay. */
  readonly ipv6?: PathReport | undefined
}

export interface PeerProbesOptions {
  readonly log: Logger
  readonly clock: Clock
  readonly random: Random
  readonly port: number
}

/** What peers say that they have found. */
export interface PeerRows {
  /** How often each is asked, in ms. */
  readonly everyMs: number
  /** Undefined if a peer has not answered. */
  readonly rowOf: (lease: Lease) => { readonly row: Row; readonly ageMs: number } | undefined
  /** The key of the lease that an entry is about; this node's own among them. */
  readonly keyOf: (entry: PathName) => string | undefined
}

/** Thousands of peers may join at once: they are looked through at most this often. */
const REFRESH_MS = 1_000

const DIRECTIONS: Readonly<Record<Direction, string>> = {
  outbound: 'packets to it are lost, those from it arrive',
  inbound: 'nothing from it arrives',
  unknown: 'it is not known which way packets are lost',
}

/** The peers of an overlay, probed through it until the signal aborts. */
export class PeerProbes {
  readonly #overlay: Overlay
  readonly #prober: Prober
  readonly #clock: Clock
  /** By overlay address. */
  #peers = new Map<string, Lease>()
  /** Where each peer is asked for its row, by its lease's key. */
  #rowAddresses = new Map<string, string>()
  /** Made when it is needed. */
  #names: PathNames<string> | undefined
  #isStale = true

  constructor(overlay: Overlay, { log, clock, random, port }: PeerProbesOptions, signal: AbortSignal) {
    this.#overlay = overlay
    this.#clock = clock
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

  /** What peers say that they have found, as far as they have been asked; they are asked from now on, for some seconds. */
  rows(): PeerRows {
    this.#prober.wantRows()
    this.#names ??= this.#pathNames()
    const names = this.#names
    const now = this.#clock.monotonic()
    return {
      everyMs: this.#prober.rowIntervalMs,
      rowOf: (lease) => {
        const address = this.#rowAddresses.get(leaseKey(lease))
        const found = address === undefined ? undefined : this.#prober.rowOf(address)
        return found && { row: found.row, ageMs: now - found.at }
      },
      keyOf: (entry) => names.get(entry),
    }
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
    const ownAddresses = probeAddresses(own, backend)
    const families = ownAddresses.map(familyOf)
    const peers = new Map<string, Lease>()
    const rowAddresses = new Map<string, string>()
    for (const [key, lease] of overlay.leases) {
      if (sameNode(lease.attributes, own.attributes) || overlay.resourcesOf(key).length === 0) continue
      const addresses = probeAddresses(lease, backend)
      for (const address of addresses) peers.set(address, lease)
      const reached = addresses.find((address) => families.includes(familyOf(address)))
      if (reached !== undefined) rowAddresses.set(key, reached)
    }
    this.#peers = peers
    this.#rowAddresses = rowAddresses
    this.#names = undefined
    this.#prober.update(ownAddresses, peers.keys(), [...rowAddresses.values()])
  }

  #pathNames(): PathNames<string> {
    const names = new PathNames<string>()
    const own = this.#overlay.lease
    for (const address of probeAddresses(own, this.#overlay.config.backend?.type)) {
      names.add(address, leaseKey(own))
    }
    for (const [address, lease] of this.#peers) names.add(address, leaseKey(lease))
    return names
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
