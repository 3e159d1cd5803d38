/** What the rows of several nodes say about the way from one to another. */
import type { MatrixCell, MatrixPage } from './matrix-page.js'
import { lossText, msText } from './texts.js'
import type { Level } from './verdicts.js'

export interface WayVerdict {
  readonly level: Level | 'unknown' | 'self'
  readonly text: string
  readonly loss: number | null
  readonly rttMs: number | null
}

/** A way that is worth a look. */
export interface Way {
  readonly from: number
  readonly to: number
  readonly verdict: WayVerdict
}

const BAD_LOSS = 0.05

/** The cells of a page, to be looked up. */
export class Matrix {
  readonly page: MatrixPage
  readonly #cells = new Map<number, ReadonlyMap<number, MatrixCell>>()

  constructor(page: MatrixPage) {
    this.page = page
    for (const { node, cells } of page.rows) {
      this.#cells.set(node, new Map(cells.map((cell) => [cell[0], cell])))
    }
  }

  nameOf(node: number): string {
    return this.page.nodes[node]?.name ?? ''
  }

  /**
   * The way of packets from one node to another. What is lost on the way there is told from what is lost on the way back
   * by the faults that either end has found; a share of losses is of probes there and back.
   */
  verdict(from: number, to: number): WayVerdict {
    if (from === to) return { level: 'self', text: 'the node itself', loss: null, rttMs: null }
    const [, loss = null, rttMs = null, there = null] = this.#cells.get(from)?.get(to) ?? []
    const [, , , back = null] = this.#cells.get(to)?.get(from) ?? []
    const measured = { loss, rttMs }
    if (there === 'outbound' || back === 'inbound')
      return { ...measured, level: 'bad', text: 'packets are lost' }
    if (back === 'outbound') return { ...measured, level: 'ok', text: 'packets arrive, none come back' }
    if (there === 'inbound') {
      return {
        ...measured,
        level: 'unknown',
        text: 'nothing comes back; whether packets arrive is not known',
      }
    }
    if (there === 'unknown') return { ...measured, level: 'bad', text: 'no answer' }
    if (loss === null) return { ...measured, level: 'unknown', text: 'not known' }
    if (loss >= BAD_LOSS) return { ...measured, level: 'warn', text: 'loss, there or back' }
    return { ...measured, level: 'ok', text: 'well' }
  }

  /** All ways that are worth a look, the worst first. */
  troubles(): readonly Way[] {
    const { rows, columns } = this.page
    const pairs = new Set<string>()
    const ways: Way[] = []
    const look = (from: number, to: number) => {
      const pair = `${from} ${to}`
      if (pairs.has(pair)) return
      pairs.add(pair)
      const verdict = this.verdict(from, to)
      if (verdict.level === 'bad' || verdict.level === 'warn') ways.push({ from, to, verdict })
    }
    for (const { node } of rows) {
      for (const column of columns) {
        look(node, column)
        // A node that says nothing is a column alone: what others do not get from it is on the way from it.
        look(column, node)
      }
    }
    const rank = ({ verdict: { level, loss } }: Way) => (level === 'bad' ? 2 : 0) + (loss ?? 0)
    return ways.sort((a, b) => rank(b) - rank(a) || a.from - b.from || a.to - b.to)
  }
}

export function wayText(matrix: Matrix, from: number, to: number): string {
  const { text, loss, rttMs } = matrix.verdict(from, to)
  const parts = [
    text,
    ...(loss === null ? [] : [`loss ${lossText(loss)}`]),
    ...(rttMs === null ? [] : [`round trip ${msText(rttMs)}`]),
  ]
  return `${matrix.nameOf(from)} → ${matrix.nameOf(to)}: ${parts.join(', ')}`
}

/** A square for each way of a level, as the `d` of one path: a drawing of thousands of ways has few elements. */
export function squares(matrix: Matrix, level: WayVerdict['level'], step: number): string {
  const { rows, columns } = matrix.page
  const side = step - Math.min(2, step / 6)
  return rows
    .flatMap(({ node }, y) =>
      columns.map((column, x) =>
        matrix.verdict(node, column).level === level
          ? `M${round(x * step)} ${round(y * step)}h${round(side)}v${round(side)}h-${round(side)}z`
          : '',
      ),
    )
    .join('')
}

const round = (value: number): number => Math.round(value * 100) / 100

export interface Place {
  readonly row: number
  readonly column: number
}

/** Where a cursor is after a key, in a drawing of so many rows and columns; undefined for a key that moves nothing. */
export function moved({ row, column }: Place, key: string, size: Place): Place | undefined {
  switch (key) {
    case 'ArrowUp':
      return within({ row: row - 1, column }, size)
    case 'ArrowDown':
      return within({ row: row + 1, column }, size)
    case 'ArrowLeft':
      return within({ row, column: column - 1 }, size)
    case 'ArrowRight':
      return within({ row, column: column + 1 }, size)
    case 'Home':
      return within({ row, column: 0 }, size)
    case 'End':
      return within({ row, column: size.column - 1 }, size)
    default:
      return undefined
  }
}

export function within({ row, column }: Place, size: Place): Place {
  return {
    row: Math.max(0, Math.min(row, size.row - 1)),
    column: Math.max(0, Math.min(column, size.column - 1)),
  }
}
