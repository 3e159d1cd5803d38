/**
 * Which way packets are lost. `outbound`: what this node sends does not arrive, while packets of the peer do. `inbound`:
 * nothing of the peer arrives, though it probes too; whether this node's packets reach it cannot be known from here, and
 * the peer says `outbound` if they do. `unknown`: the peer has not been heard probing.
 */
export type Direction = 'outbound' | 'inbound' | 'unknown'

/** What probes have found about one peer in one family. */
export interface PathReport {
  /** `unknown`: it has never answered. It may drop probes. */
  readonly state: 'reachable' | 'unreachable' | 'unknown'
  /** If it is unreachable. */
  readonly direction?: Direction | undefined
  /** Whether it answers probes itself; false if only its kernel's refusal proves that it is there. Absent if unknown. */
  readonly responds?: boolean | undefined
  /** Smoothed round trip of probes that the peer answered itself, in ms. */
  readonly rttMs?: number | undefined
  /** Share of the last 32 probes that were lost, 0 to 1, since it first answered if it has. Absent before the first. */
  readonly loss?: number | undefined
}

/** So many probes in a row are lost before a peer counts as unreachable. */
const LOSSES_TO_UNREACHABLE = 3
/** So many datagrams were sent since a peer last heard this node, before the peer's word that it hears nothing counts. */
const SENDS_UNHEARD = 4
const WINDOW = 32
/** As TCP smooths it (RFC 6298). */
const RTT_GAIN = 1 / 8
/** A peer's probes come about as often as this node's; one may be lost. */
const SILENT_INTERVALS = 1.6
/** What a peer asked longer ago says nothing of the present. */
const HEARD_INTERVALS = 3
/** The oldest of those sends is older than this, so that it is not just under way. */
const MIN_UNHEARD_MS = 300

/** The judgement of one path: pure, times are handed in, on a clock that never jumps, in ms. */
export class PathState {
  rttMs: number | undefined
  /** In a row. */
  losses = 0
  readonly #since: number
  #everReached = false
  #responds: boolean | undefined
  /** The outcomes of the last probes, the newest in the lowest bit: 1 is a loss. */
  #window = 0
  #outcomes = 0
  #heardAt: number | undefined
  #askedAt: number | undefined
  #firstLostSentAt = 0
  /** The peer says that it does not hear this node. */
  #unheard = false
  readonly #sentAt: number[] = []

  constructor(now: number) {
    this.#since = now
  }

  /** How long ago anything came from the peer; since the beginning, if nothing has. */
  heardAgeMs(now: number): number {
    return now - (this.#heardAt ?? this.#since)
  }

  /**
   * Whether the next probe should learn of a refusal, which costs more: if that is what is expected of this peer, or after
   * a loss that may have been one; before it is called unreachable in any case.
   */
  get mayRefuse(): boolean {
    if (this.#responds === false) return true
    return this.#responds === undefined ? this.losses > 0 : this.losses % LOSSES_TO_UNREACHABLE === 2
  }

  sent(now: number): void {
    this.#sentAt.push(now)
    if (this.#sentAt.length > SENDS_UNHEARD) this.#sentAt.shift()
  }

  answered(now: number, roundTripMs: number): void {
    this.#heardAt = now
    this.rttMs = this.rttMs === undefined ? roundTripMs : this.rttMs + (roundTripMs - this.rttMs) * RTT_GAIN
    this.#reached(true)
  }

  /** The peer's kernel says that nothing listens there: packets reach it and it reaches this node. */
  refused(): void {
    if (this.#responds !== false) {
      // What seemed lost was refused too, at a socket that does not learn of it.
      this.#window = 0
      this.#outcomes = 0
    }
    this.#reached(false)
  }

  /** The peer asks, and says how long it has not heard this node. */
  asked(now: number, unheardForMs: number): void {
    this.#heardAt = now
    this.#askedAt = now
    const [oldest] = this.#sentAt
    if (oldest === undefined || this.#sentAt.length < SENDS_UNHEARD) return
    const ageMs = now - oldest
    this.#unheard = ageMs < unheardForMs && ageMs > Math.max(MIN_UNHEARD_MS, (this.rttMs ?? 0) * 4)
  }

  lost(sentAt: number): void {
    if (this.losses === 0) this.#firstLostSentAt = sentAt
    this.losses += 1
    this.#record(1)
  }

  /** @param intervalMs how often peers are probed now */
  report(now: number, intervalMs: number): PathReport {
    const { rttMs } = this
    const loss = this.#outcomes === 0 ? undefined : ones(this.#window) / this.#outcomes
    const base = { responds: this.#responds, rttMs, loss }
    const failed = this.losses >= LOSSES_TO_UNREACHABLE
    // Whoever is heard and does not answer is there, whether or not it has ever answered.
    if (this.#isHeard(now, intervalMs) && (this.#unheard || (failed && this.#isAskedSinceFailing))) {
      return { ...base, state: 'unreachable', direction: 'outbound' }
    }
    if (!this.#everReached) return { ...base, state: 'unknown' }
    if (!failed) return { ...base, state: 'reachable' }
    return { ...base, state: 'unreachable', direction: this.#silentDirection(now, intervalMs) }
  }

  get #isAskedSinceFailing(): boolean {
    return this.#askedAt !== undefined && this.#askedAt > this.#firstLostSentAt
  }

  #isHeard(now: number, intervalMs: number): boolean {
    return this.#askedAt !== undefined && now - this.#askedAt <= intervalMs * HEARD_INTERVALS
  }

  #silentDirection(now: number, intervalMs: number): Direction {
    if (this.#askedAt === undefined) return 'unknown'
    return now - this.#askedAt > intervalMs * SILENT_INTERVALS ? 'inbound' : 'unknown'
  }

  #reached(responds: boolean): void {
    if (!this.#everReached) {
      // A node is probed as soon as it has a lease, a moment before it has a device: the path works from now on.
      this.#window = 0
      this.#outcomes = 0
    }
    this.#everReached = true
    this.#responds = responds
    this.losses = 0
    this.#unheard = false
    this.#record(0)
  }

  #record(outcome: 0 | 1): void {
    this.#window = ((this.#window << 1) | outcome) >>> 0
    this.#outcomes = Math.min(this.#outcomes + 1, WINDOW)
  }
}

function ones(bits: number): number {
  let count = 0
  for (let left = bits; left !== 0; left = (left & (left - 1)) >>> 0) count += 1
  return count
}
