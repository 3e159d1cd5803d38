import { type Clock, type Drift, leaseKey, type Overlay } from '@selvedge/core'

/** What became of one peer, as far as this process has seen it. */
export interface PeerRecord {
  /** `put`: it came, or what it publishes changed. In ms since the epoch. */
  readonly lastEvent: { readonly type: 'put'; readonly at: number }
  /** How many entries for it other programs have changed, and when the last. */
  readonly drift: number
  readonly driftAt: number | undefined
}

/** An entry that another program changed. */
export interface DriftRecord extends Drift {
  /** In ms since the epoch. */
  readonly at: number
}

/** How many drifts are kept, of all peers together. */
const DRIFTS_KEPT = 20

/** Of how many entries the last change by others is kept. */
const MAX_CHANGED_KEYS = 10_000

/** What happened to the peers of an overlay that there are: one record for each, which goes with it. */
export class PeerHistory {
  readonly #clock: Clock
  readonly #peers = new Map<string, PeerRecord>()
  #drifts: readonly DriftRecord[] = []
  #driftCount = 0
  /** By key, the one that changed last at the end. */
  readonly #changes = new Map<string, DriftRecord>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Follows this overlay from now on, and forgets the one before. */
  follow(overlay: Overlay): void {
    this.#peers.clear()
    this.#changes.clear()
    overlay.on('peer', ({ type, lease }) => {
      const key = leaseKey(lease)
      if (type === 'delete') {
        this.#peers.delete(key)
        return
      }
      const { drift = 0, driftAt } = this.#peers.get(key) ?? {}
      this.#peers.set(key, { lastEvent: { type, at: this.#clock.now() }, drift, driftAt })
    })
    overlay.on('drift', (found) => this.#onDrift(found, (key) => overlay.ownersOf(key)))
  }

  of(key: string): PeerRecord | undefined {
    return this.#peers.get(key)
  }

  /** The last change by others of the entry of this key, as far as it is kept: that of 10,000 entries is. */
  lastChange(key: string): DriftRecord | undefined {
    return this.#changes.get(key)
  }

  /** Those of the last drifts that are kept, the last one first. */
  get drifts(): readonly DriftRecord[] {
    return this.#drifts
  }

  /** How many there have been in all. */
  get driftCount(): number {
    return this.#driftCount
  }

  #onDrift(found: readonly Drift[], ownersOf: (key: string) => Iterable<string>): void {
    const at = this.#clock.now()
    this.#driftCount += found.length
    const latest = found.slice(-DRIFTS_KEPT).map((drift) => ({ ...drift, at }))
    this.#drifts = [...latest.reverse(), ...this.#drifts].slice(0, DRIFTS_KEPT)
    for (const drift of found) {
      const { key } = drift
      this.#changes.delete(key)
      this.#changes.set(key, { ...drift, at })
      const [oldest] = this.#changes.size > MAX_CHANGED_KEYS ? this.#changes.keys() : []
      if (oldest !== undefined) this.#changes.delete(oldest)
      for (const owner of ownersOf(key)) {
        const record = this.#peers.get(owner)
        if (record !== undefined) {
          this.#peers.set(owner, { lastEvent: record.lastEvent, drift: record.drift + 1, driftAt: at })
        }
      }
    }
  }
}
