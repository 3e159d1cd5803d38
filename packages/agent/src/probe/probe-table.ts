import type { Random } from '@selvedge/core'
import type { Datagram } from './datagram.js'
import { Isolation } from './isolation.js'
import { type PathReport, PathState } from './path-state.js'

/** A probe to send. */
export interface Probe {
  /** The peer's address in the overlay. */
  readonly address: string
  readonly nonce: bigint
  readonly heardAgeMs: number
  /**
   * Whether to send it from a connected socket, at which the kernel reports that nothing listens at the peer: proof that it
   * is reached though it answers no probes. Dearer, so not for each.
   */
  readonly connected: boolean
}

/** A path whose report has changed. */
export interface PathChange {
  /** The peer's address in the overlay. */
  readonly address: string
  /** As it is now. */
  readonly report: PathReport
}

/** What was received and not used, by the reason. */
export type Dropped = Readonly<Record<'unknown-source' | 'unexpected' | 'too-many', number>>

/** How often a peer is probed in a network of up to 50 peers: 100 probes a second. */
const INTERVAL_MS = 500
const MAX_PEERS_AT_INTERVAL = 50
/** The more there are beyond, the fewer a second: 16 with 5,000 peers, whose own probes cost as much again. */
const SCALING = 1.4
/** A peer without a responder is probed less often: its kernel limits its refusals, and a socket for each is dearer. */
const SLOW_FACTOR = 4
/** After a loss: sooner, until it is clear what is broken. */
const RETRY_MS = 250
const MAX_RETRIES_PER_SECOND = 50
/** The number of consecutive losses that are retried early; after that the path returns to its normal interval. */
const MAX_FAST_LOSSES = 16
const MIN_TIMEOUT_MS = 300
const MAX_TIMEOUT_MS = 2_000
/** Paths are due in slots of this width. */
export const SLOT_MS = 50
/** So many slots are taken together in a large network: each time that a process wakes up costs as much as a probe. */
const MAX_SLOTS_AT_ONCE = 5
/** However many are due: after a pause, or when many peers fail at once. */
const MAX_PER_SLOT = 8
/** A peer asks at most every 250 ms; more is a flood. */
const MIN_ANSWER_GAP_MS = 20

interface Path {
  readonly address: string
  readonly state: PathState
  /** When something has to be done about it next. */
  wakeAt: number
  outstanding: { readonly nonce: bigint; readonly sentAt: number } | undefined
  report: PathReport
  answeredAt: number
  isRemoved: boolean
}

export interface ProbeTableOptions {
  readonly random: Random
  /** 64 random bits, not to be guessed. */
  readonly nonce: () => bigint
}

/**
 * Whom to probe when, and what the answers say: pure. Times are on a clock that never jumps, in ms. Each peer's work costs
 * the same with ten peers as with thousands: paths wait in slots of time, and their number bounds how often each comes.
 */
export class ProbeTable {
  readonly #options: ProbeTableOptions
  readonly #paths = new Map<string, Path>()
  readonly #slots = new Map<number, Path[]>()
  #nextSlot: number | undefined
  /** With a loss that has not been followed by an answer, and still probed sooner. */
  readonly #retrying = new Set<Path>()
  readonly #dropped = { 'unknown-source': 0, unexpected: 0, 'too-many': 0 }
  readonly #isolation = new Isolation<Path>()
  #changes: PathChange[] = []

  constructor(options: ProbeTableOptions) {
    this.#options = options
  }

  /** How often each peer is probed now, in ms. */
  get intervalMs(): number {
    return INTERVAL_MS * Math.max(1, this.#paths.size / MAX_PEERS_AT_INTERVAL) ** SCALING
  }

  /** How often to call `due`, in ms. */
  get turnMs(): number {
    const turns = this.intervalMs / INTERVAL_MS
    return SLOT_MS * Math.min(MAX_SLOTS_AT_ONCE, Math.max(1, Math.floor(turns)))
  }

  get dropped(): Dropped {
    return this.#dropped
  }

  /** The addresses to probe from now on: those known already keep what is known of them. */
  setPaths(addresses: Iterable<string>, now: number): void {
    this.#nextSlot ??= Math.floor(now / SLOT_MS)
    const current = new Set(addresses)
    for (const [address, path] of this.#paths) {
      if (current.has(address)) continue
      path.isRemoved = true
      this.#retrying.delete(path)
      this.#paths.delete(address)
      this.#isolation.removed(path)
    }
    const added = [...current].filter((address) => !this.#paths.has(address))
    for (const address of added) {
      this.#paths.set(address, {
        address,
        state: new PathState(now),
        wakeAt: 0,
        outstanding: undefined,
        report: { state: 'unknown' },
        answeredAt: Number.NEGATIVE_INFINITY,
        isRemoved: false,
      })
    }
    // Spread over one interval, as they will be from then on.
    for (const address of added) {
      const path = this.#paths.get(address)
      if (path !== undefined) this.#wake(path, now + this.#options.random() * this.intervalMs)
    }
  }

  /** What is due: losses are noted, and probes returned to send now. */
  due(now: number): readonly Probe[] {
    const probes: Probe[] = []
    const last = Math.floor(now / SLOT_MS)
    const most = MAX_PER_SLOT * Math.min(MAX_SLOTS_AT_ONCE, last - (this.#nextSlot ?? last) + 1)
    for (let slot = this.#nextSlot ?? last; slot <= last; slot += 1) {
      this.#nextSlot = slot + 1
      const paths = this.#slots.get(slot)
      if (paths === undefined) continue
      this.#slots.delete(slot)
      for (const path of paths) {
        if (path.isRemoved || Math.floor(path.wakeAt / SLOT_MS) !== slot) continue
        if (path.outstanding !== undefined) this.#lose(path, path.outstanding.sentAt, now)
        else if (probes.length < most) probes.push(this.#probe(path, now))
        else this.#wake(path, now + SLOT_MS)
      }
    }
    return probes
  }

  /** Takes a datagram from an address; returns the answer that it is owed, if any. */
  receive(address: string, { kind, nonce, heardAgeMs }: Datagram, now: number): Datagram | undefined {
    const path = this.#paths.get(address)
    if (path === undefined) {
      this.#dropped['unknown-source'] += 1
      return undefined
    }
    const { state, outstanding } = path
    if (kind === 'answer') {
      if (outstanding?.nonce !== nonce) {
        this.#dropped.unexpected += 1
        return undefined
      }
      state.answered(now, now - outstanding.sentAt)
      this.#reached(path, outstanding.sentAt + this.intervalMs, now)
      return undefined
    }
    if (now - path.answeredAt < MIN_ANSWER_GAP_MS) {
      this.#dropped['too-many'] += 1
      return undefined
    }
    path.answeredAt = now
    state.asked(now, heardAgeMs)
    state.sent(now)
    this.#judge(path, now)
    // It may just have come, or come back: whoever is heard again is asked at once.
    if (path.report.state !== 'reachable' && path.outstanding === undefined && path.wakeAt > now + RETRY_MS) {
      this.#wake(path, now + RETRY_MS)
    }
    return { kind: 'answer', nonce, heardAgeMs: state.heardAgeMs(now) }
  }

  /** The kernel at an address says that nothing listens there. */
  refused(address: string, nonce: bigint, now: number): void {
    const path = this.#paths.get(address)
    if (path?.outstanding?.nonce !== nonce) return
    path.state.refused()
    this.#reached(path, path.outstanding.sentAt + this.intervalMs * SLOW_FACTOR, now)
  }

  /** Undefined for one that is not probed. */
  report(address: string): PathReport | undefined {
    return this.#paths.get(address)?.report
  }

  /** How many peers show that this node is cut off: so many fail, and none is reached. Undefined if it is not. */
  isolatedFrom(now: number): number | undefined {
    return this.#isolation.unreachable(now)
  }

  reports(): Iterable<PathReport> {
    return [...this.#paths.values()].map(({ report }) => report)
  }

  /** All paths, with what is known of them. */
  found(): Iterable<PathChange> {
    return this.#paths.values()
  }

  /** Paths whose state or direction has changed since the last call. */
  takeChanges(): readonly PathChange[] {
    const changes = this.#changes
    this.#changes = []
    return changes
  }

  #probe(path: Path, now: number): Probe {
    const { address, state } = path
    const nonce = this.#options.nonce()
    path.outstanding = { nonce, sentAt: now }
    const heardAgeMs = state.heardAgeMs(now)
    state.sent(now)
    this.#wake(path, now + timeoutOf(state.rttMs))
    return { address, nonce, heardAgeMs, connected: state.mayRefuse }
  }

  #lose(path: Path, sentAt: number, now: number): void {
    path.outstanding = undefined
    path.state.lost(sentAt)
    this.#judge(path, now)
    // One more tells whether it refuses; then it is one that drops probes, or is not there.
    const isSilent = path.report.state === 'unknown' && path.state.losses > 1
    if (isSilent || path.state.losses > MAX_FAST_LOSSES) {
      this.#retrying.delete(path)
      this.#wake(path, sentAt + this.intervalMs * (isSilent ? SLOW_FACTOR : 1))
      return
    }
    this.#retrying.add(path)
    const retryMs = Math.max(RETRY_MS, (this.#retrying.size * 1000) / MAX_RETRIES_PER_SECOND)
    this.#wake(path, Math.max(now, sentAt + retryMs))
  }

  #reached(path: Path, nextAt: number, now: number): void {
    path.outstanding = undefined
    this.#retrying.delete(path)
    this.#isolation.reached(now)
    this.#judge(path, now)
    this.#wake(path, nextAt)
  }

  #judge(path: Path, now: number): void {
    const was = path.report
    path.report = path.state.report(now, this.intervalMs)
    const { state, direction } = path.report
    if (was.state === state && was.direction === direction) return
    this.#isolation.changed(path, state)
    this.#changes.push({ address: path.address, report: path.report })
  }

  /** Never in a slot that has passed: it would be met no more. */
  #wake(path: Path, at: number): void {
    const slot = Math.max(Math.floor(at / SLOT_MS), this.#nextSlot ?? 0)
    path.wakeAt = slot * SLOT_MS
    const paths = this.#slots.get(slot)
    if (paths === undefined) this.#slots.set(slot, [path])
    else paths.push(path)
  }
}

const timeoutOf = (rttMs: number | undefined): number =>
  rttMs === undefined ? MAX_TIMEOUT_MS / 2 : Math.min(Math.max(rttMs * 4, MIN_TIMEOUT_MS), MAX_TIMEOUT_MS)
