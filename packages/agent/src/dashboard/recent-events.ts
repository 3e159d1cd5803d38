import { type Clock, leaseKey, type Overlay } from '@selvedge/core'
import type { DriftRow, PeerEventRow, Summary, SyncRow } from './browser/feed.js'

/** How many of each are kept. */
const DRIFTS_KEPT = 100
const SYNCS_KEPT = 60
const PEER_EVENTS_KEPT = 30
const MINUTES_KEPT = 60
const MINUTE_MS = 60_000

/** What happened lately, for people: bounded, whatever happens. */
export class RecentEvents {
  readonly #clock: Clock
  #drifts: readonly DriftRow[] = []
  #driftCount = 0
  #syncs: readonly SyncRow[] = []
  #peerEvents: readonly PeerEventRow[] = []
  readonly #minutes = new Map<number, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Follows this overlay too. */
  follow(overlay: Overlay): void {
    overlay.on('drift', (found) => {
      const at = this.#clock.now()
      this.#driftCount += found.length
      const latest = found
        .slice(-DRIFTS_KEPT)
        .map(({ key, was, by }) => ({ at, key, was, ...(by && { by: { pid: by.pid, name: by.name } }) }))
      this.#drifts = [...latest.reverse(), ...this.#drifts].slice(0, DRIFTS_KEPT)
      const minute = at - (at % MINUTE_MS)
      this.#minutes.set(minute, (this.#minutes.get(minute) ?? 0) + found.length)
      for (const old of this.#minutes.keys()) {
        if (old <= minute - MINUTES_KEPT * MINUTE_MS) this.#minutes.delete(old)
      }
    })
    overlay.on('sync', ({ put, deleted, failed, durationMs }) => {
      const sync = { at: this.#clock.now(), put, deleted, failed, durationMs }
      this.#syncs = [sync, ...this.#syncs].slice(0, SYNCS_KEPT)
    })
    overlay.on('peer', ({ type, lease }) => {
      const subnet = lease.subnet ?? lease.ipv6Subnet ?? leaseKey(lease)
      const event = { at: this.#clock.now(), type, subnet }
      this.#peerEvents = [event, ...this.#peerEvents].slice(0, PEER_EVENTS_KEPT)
    })
  }

  get drift(): Summary['drift'] {
    const minutes = [...this.#minutes].map(([at, count]) => ({ at, count }))
    return { total: this.#driftCount, last: this.#drifts, minutes }
  }

  get syncs(): readonly SyncRow[] {
    return this.#syncs
  }

  get peerEvents(): readonly PeerEventRow[] {
    return this.#peerEvents
  }
}
