import { pathName } from './path-name.js'
import type { PathReport } from './path-state.js'
import { MAX_ROW_ENTRIES, type Row, type RowEntry } from './row-datagram.js'

/** One path, as this node has found it. */
export interface FoundPath {
  readonly address: string
  readonly report: PathReport
}

/** What a peer has answered. */
export interface PeerRow {
  /** The paths of the peer, as it has found them. */
  readonly row: Row
  /** On the clock that never jumps, in ms. */
  readonly at: number
}

/** A question to send. */
export interface RowQuestion {
  readonly address: string
  readonly nonce: bigint
}

export interface RowExchangeOptions {
  /** 64 random bits, not to be guessed. */
  readonly nonce: () => bigint
  /** What this node has found. */
  readonly paths: () => Iterable<FoundPath>
}

/** Questions in a second, however many peers there are. */
const MAX_PER_SECOND = 32
const MAX_BURST = 8
/** A peer is asked this often, if there are few enough. */
const INTERVAL_MS = 2_000
/** One that has not answered this many questions in a row is older than rows, or out of reach: it is asked seldom. */
const SILENT_AFTER = 3
const SILENT_INTERVAL_MS = 20_000
/** Who wants rows says so again and again. */
const WANTED_MS = 6_000
/** Rows are forgotten once nobody has wanted them for this long. */
const KEPT_MS = 60_000
/** A peer asks at most every 2 s; more is a flood. */
const MIN_ANSWER_GAP_MS = 500
/** This node's own row is put together at most this often, for all who ask. */
const OWN_ROW_MS = 500
/** Answers in a second, to all peers together: each wants as much as the question took to arrive. */
const MAX_ANSWERS_PER_SECOND = 200

interface Asked {
  /** Outstanding, if it has not been answered. */
  nonce: bigint | undefined
  at: number
  unanswered: number
  found: PeerRow | undefined
}

/**
 * Whom to ask for its row when, and whom to answer: pure. Times are on a clock that never jumps, in ms. Peers are asked
 * only while someone wants their rows; an answer counts only if it was asked for.
 */
export class RowExchange {
  readonly #options: RowExchangeOptions
  readonly #asked = new Map<string, Asked>()
  readonly #answeredAt = new Map<string, number>()
  #addresses: readonly string[] = []
  #wantedUntil = Number.NEGATIVE_INFINITY
  #budget = 0
  #budgetAt = Number.NEGATIVE_INFINITY
  #own: { readonly row: Row; readonly at: number } | undefined
  #answers = { second: 0, count: 0 }

  constructor(options: RowExchangeOptions) {
    this.#options = options
  }

  /** The peers from now on, an address each. */
  setPeers(addresses: readonly string[]): void {
    this.#addresses = addresses
    const current = new Set(addresses)
    for (const address of this.#asked.keys()) if (!current.has(address)) this.#asked.delete(address)
    for (const address of this.#answeredAt.keys()) {
      if (!current.has(address)) this.#answeredAt.delete(address)
    }
  }

  /** Someone looks at rows. */
  want(now: number): void {
    this.#wantedUntil = now + WANTED_MS
  }

  /** The last row of a peer; undefined if it has not answered. */
  row(address: string): PeerRow | undefined {
    return this.#asked.get(address)?.found
  }

  /** How often each peer is asked, while rows are wanted, in ms. */
  get intervalMs(): number {
    return Math.max(INTERVAL_MS, (this.#addresses.length * 1_000) / MAX_PER_SECOND)
  }

  /** Questions to send now: those whose answers are the oldest. */
  due(now: number): readonly RowQuestion[] {
    if (now >= this.#wantedUntil) {
      if (now >= this.#wantedUntil + KEPT_MS) this.#asked.clear()
      return []
    }
    const passedMs = Math.min(now - this.#budgetAt, 1_000)
    this.#budget = Math.min(MAX_BURST, this.#budget + (passedMs * MAX_PER_SECOND) / 1_000)
    this.#budgetAt = now
    const most = Math.floor(this.#budget)
    if (most === 0) return []
    const due = this.#addresses
      .map((address) => ({ address, at: this.#dueAt(address) }))
      .filter(({ at }) => at <= now)
      .sort((a, b) => a.at - b.at)
      .slice(0, most)
    this.#budget -= due.length
    return due.map(({ address }) => {
      const nonce = this.#options.nonce()
      const before = this.#asked.get(address)
      const missed = before !== undefined && before.nonce !== undefined ? 1 : 0
      const unanswered = (before?.unanswered ?? 0) + missed
      this.#asked.set(address, { nonce, at: now, unanswered, found: before?.found })
      return { address, nonce }
    })
  }

  /** Takes an answer; returns whether it was asked for. */
  receive(address: string, nonce: bigint, row: Row, now: number): boolean {
    const asked = this.#asked.get(address)
    if (asked === undefined || asked.nonce !== nonce) return false
    this.#asked.set(address, { nonce: undefined, at: asked.at, unanswered: 0, found: { row, at: now } })
    return true
  }

  /** This node's row, for a peer that asks; undefined if it has asked too often, or all of them have. */
  answer(address: string, now: number): Row | undefined {
    const second = Math.floor(now / 1_000)
    if (this.#answers.second !== second) this.#answers = { second, count: 0 }
    const last = this.#answeredAt.get(address) ?? Number.NEGATIVE_INFINITY
    if (now - last < MIN_ANSWER_GAP_MS || this.#answers.count >= MAX_ANSWERS_PER_SECOND) return undefined
    this.#answers.count += 1
    this.#answeredAt.set(address, now)
    return this.ownRow(now)
  }

  ownRow(now: number): Row {
    if (this.#own === undefined || now - this.#own.at >= OWN_ROW_MS) {
      this.#own = { row: rowOf(this.#options.paths()), at: now }
    }
    return this.#own.row
  }

  #dueAt(address: string): number {
    const asked = this.#asked.get(address)
    if (asked === undefined) return Number.NEGATIVE_INFINITY
    return asked.at + (asked.unanswered >= SILENT_AFTER ? SILENT_INTERVAL_MS : INTERVAL_MS)
  }
}

/** The worst paths, as many as there is room for, and how many there are. One that never answered may drop probes. */
export function rowOf(paths: Iterable<FoundPath>): Row {
  const all = [...paths]
  const ranked = all.map((path) => ({ path, rank: rankOf(path.report) })).sort((a, b) => b.rank - a.rank)
  return {
    paths: all.length,
    unreachable: all.filter(({ report }) => report.state === 'unreachable').length,
    lossy: all.filter(({ report: { state, loss = 0 } }) => state === 'reachable' && loss > 0).length,
    entries: ranked.slice(0, MAX_ROW_ENTRIES).map(({ path: { address, report } }): RowEntry => {
      const { state, direction, rttMs, loss } = report
      return { ...pathName(address), report: { state, direction, rttMs, loss } }
    }),
  }
}

/** Of two that lose as much, the slower is the worse. */
function rankOf({ state, loss = 0, rttMs = 0 }: PathReport): number {
  if (state === 'unknown') return 0
  return (state === 'unreachable' ? 2 : loss) + Math.min(rttMs / 1e9, 1e-3)
}
