import type { MatrixCell, MatrixNode, MatrixPage, MatrixRow } from './browser/matrix-page.js'
import { type Measured, worstOf } from './measured.js'

/** What one node has found about another. */
export interface Finding {
  /** The key of the other's lease. */
  readonly peer: string
  readonly measured: Measured
}

/** A node and its row, as far as it is known. */
export interface MatrixSource {
  readonly key: string
  readonly subnets: readonly string[]
  readonly addresses: readonly string[]
  /** Absent if it has not answered. Its findings are made only for rows that are shown. */
  readonly row?:
    | {
        readonly ageMs: number
        readonly paths: number
        readonly unreachable: number
        readonly lossy: number
        readonly findings: () => Iterable<Finding>
      }
    | undefined
}

export interface MatrixSources {
  readonly own: MatrixSource
  readonly peers: readonly MatrixSource[]
  readonly everyMs: number
  /** In ms since the epoch. */
  readonly at: number
}

/** Rows, and columns, that are shown. */
const MAX_SHOWN = 64
/** How many intervals a row stays what a node says, and how much later its answer may come. */
const FRESH_INTERVALS = 3
const FRESH_MS = 4_000

/**
 * The matrix of a small network, or of a large one the rows of this node and of those in trouble, and the columns that
 * they are in trouble with; with a filter, the rows of the nodes that have all its words.
 */
export function matrixPage(sources: MatrixSources, filter: string): MatrixPage {
  const { own, peers, everyMs, at } = sources
  const all = [own, ...peers]
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean)
  const isSmall = all.length <= MAX_SHOWN
  const candidates = all.filter((source) => {
    if (words.length > 0) return matches(source, words)
    return isSmall || source === own || troubles(source) > 0
  })
  const shown = isSmall
    ? candidates
    : [...candidates]
        .sort((a, b) => Number(b === own) - Number(a === own) || troubles(b) - troubles(a))
        .slice(0, MAX_SHOWN)
  const findings = new Map(shown.map(({ key, row }) => [key, row === undefined ? [] : [...row.findings()]]))
  const columns = isSmall ? all : columnsOf(all, shown, findings)
  const nodes = [...new Set([...shown, ...columns])]
  const places = new Map(nodes.map(({ key }, index) => [key, index]))
  return {
    at,
    total: all.length,
    everyMs,
    matching: candidates.length,
    nodes: nodes.map(nodeOf),
    columns: columns.map(({ key }) => places.get(key) ?? 0),
    rows: shown.map((source): MatrixRow => {
      const { row } = source
      const node = places.get(source.key) ?? 0
      if (row === undefined) return { node, state: 'unknown', cells: [] }
      const { ageMs, paths, unreachable, lossy } = row
      const isFresh = ageMs <= everyMs * FRESH_INTERVALS + FRESH_MS
      const state = source === own ? 'own' : isFresh ? 'known' : 'old'
      // What it said long ago says nothing of the present.
      const cells = state === 'old' ? [] : cellsOf(findings.get(source.key) ?? [], places)
      return { node, state, paths, unreachable, lossy, cells }
    }),
  }
}

const troubles = ({ row }: MatrixSource): number =>
  row === undefined ? 0 : row.unreachable * 1_000_000 + row.lossy

/** The nodes themselves, and those that they are in trouble with, the most often first. */
function columnsOf(
  all: readonly MatrixSource[],
  shown: readonly MatrixSource[],
  findings: ReadonlyMap<string, readonly Finding[]>,
): readonly MatrixSource[] {
  const counts = new Map<string, number>()
  for (const found of findings.values()) {
    for (const { peer, measured } of found) {
      const weight = measured.fault !== undefined ? 1_000_000 : (measured.loss ?? 0) > 0 ? 1 : 0
      if (weight > 0) counts.set(peer, (counts.get(peer) ?? 0) + weight)
    }
  }
  const isShown = new Set(shown)
  const others = all
    .filter((source) => !isShown.has(source) && counts.has(source.key))
    .sort((a, b) => (counts.get(b.key) ?? 0) - (counts.get(a.key) ?? 0))
  // Half for either: a fault is of a row and a column.
  const most = others.length === 0 ? MAX_SHOWN : Math.max(MAX_SHOWN / 2, MAX_SHOWN - others.length)
  return [...shown.slice(0, most), ...others].slice(0, MAX_SHOWN)
}

function cellsOf(findings: readonly Finding[], places: ReadonlyMap<string, number>): readonly MatrixCell[] {
  const byPlace = new Map<number, Measured>()
  for (const { peer, measured } of findings) {
    const place = places.get(peer)
    if (place === undefined) continue
    const other = byPlace.get(place)
    byPlace.set(place, other === undefined ? measured : worstOf([other, measured]))
  }
  return [...byPlace].map(([place, { loss, rttMs, fault }]) => [
    place,
    loss ?? null,
    rttMs ?? null,
    fault ?? null,
  ])
}

const nodeOf = ({ key, subnets, addresses }: MatrixSource): MatrixNode => ({
  key,
  name: subnets[0] ?? key,
  address: addresses[0] ?? '',
})

function matches({ key, subnets, addresses }: MatrixSource, words: readonly string[]): boolean {
  const text = [key, ...subnets, ...addresses].join(' ').toLowerCase()
  return words.every((word) => text.includes(word))
}
