import { byId, type Child, el, setText, svg, table } from './dom.js'
import type { Feed } from './feed.js'
import { Matrix, moved, type Place, squares, wayText, within } from './matrix.js'
import type { MatrixPage } from './matrix-page.js'
import { countText, durationText, lossText, msText, numberText } from './texts.js'

const INTERVAL_MS = 2_000
/** The width of the drawing, in its own units; the names of rows take a part of it. */
const WIDTH = 560
const NAMES = 120
/** Beyond so many rows, their names have no room. */
const MAX_NAMED = 32
const MAX_WAYS = 12
const LEVELS = ['unknown', 'self', 'ok', 'warn', 'bad'] as const

/** Who has found what about whom: asked for while the page is looked at, since the agent asks other nodes for it. */
export class MatrixPanel {
  readonly #onAnswer: () => void
  #matrix: Matrix | undefined
  #drawn: Matrix | undefined
  #isUnderway = false
  #isFailing = false
  #askedAt = Number.NEGATIVE_INFINITY
  #cursor: Place = { row: 0, column: 0 }

  /** @param onAnswer called when it has to be rendered again */
  constructor(onAnswer: () => void) {
    this.#onAnswer = onAnswer
    byId('matrix-filter').addEventListener('input', () => {
      this.#askedAt = Number.NEGATIVE_INFINITY
      onAnswer()
    })
    const drawing = byId('matrix')
    drawing.tabIndex = 0
    // A narrow window scrolls it sideways, by keyboard too.
    byId('matrix-ways').tabIndex = 0
    drawing.addEventListener('keydown', (event) => {
      const place = moved(this.#cursor, event.key, this.#size)
      if (place === undefined) return
      event.preventDefault()
      this.#pointAt(place)
    })
    drawing.addEventListener('focus', () => this.#pointAt(this.#cursor))
    drawing.addEventListener('pointermove', (event) => {
      const place = this.#placeAt(event)
      if (place !== undefined) this.#pointAt(place)
    })
  }

  /** Called again and again while the page is looked at. */
  render(feed: Feed, now: number): void {
    const isProbing = [...feed.peers.values()].some(
      ({ loss, rttMs, silent }) => loss !== undefined || rttMs !== undefined || silent === true,
    )
    if (isProbing && !this.#isUnderway && document.visibilityState === 'visible') {
      if (now - this.#askedAt >= INTERVAL_MS) void this.#ask(now)
    }
    const matrix = isProbing ? this.#matrix : undefined
    byId('matrix-parts').hidden = matrix === undefined
    if (matrix === undefined) {
      setText(byId('matrix-summary'), this.#whyNone(feed, isProbing))
      return
    }
    if (matrix === this.#drawn) return
    this.#drawn = matrix
    setText(byId('matrix-summary'), summaryOf(matrix.page))
    this.#draw(matrix)
    drawWays(matrix)
  }

  #whyNone({ peers }: Feed, isProbing: boolean): string {
    if (peers.size === 0) return 'There is no peer to probe.'
    if (!isProbing) return 'Not probed: with -probe-peers on all nodes, loss and round trips are measured.'
    return this.#isFailing ? 'The agent could not put it together; it is asked again.' : 'Asking the agent.'
  }

  async #ask(now: number): Promise<void> {
    this.#isUnderway = true
    this.#askedAt = now
    const filter = byId<HTMLInputElement>('matrix-filter').value.trim().slice(0, 100)
    try {
      const answer = await fetch(`matrix/${encodeURIComponent(filter)}`, { cache: 'no-store' })
      this.#isFailing = !answer.ok
      this.#matrix = answer.ok ? new Matrix(await answer.json()) : undefined
    } catch {
      this.#isFailing = true
    } finally {
      this.#isUnderway = false
      this.#onAnswer()
    }
  }

  get #size(): Place {
    const { rows = [], columns = [] } = this.#matrix?.page ?? {}
    return { row: rows.length, column: columns.length }
  }

  #draw(matrix: Matrix): void {
    const { rows, columns } = matrix.page
    const names = rows.length > MAX_NAMED ? 0 : NAMES
    const step = stepOf(matrix)
    const drawing = svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${Math.max(1, rows.length * step)}`, 'aria-hidden': 'true', class: 'chart' },
      ...(names === 0
        ? []
        : rows.map(({ node }, index) =>
            svg('text', { x: 0, y: index * step + step / 2 + 4 }, matrix.nameOf(node)),
          )),
      svg(
        'g',
        { transform: `translate(${names} 0)` },
        ...LEVELS.map((level) => svg('path', { class: `cell ${level}`, d: squares(matrix, level, step) })),
        svg('rect', {
          id: 'matrix-cursor',
          class: 'cursor',
          width: step,
          height: step,
          visibility: 'hidden',
        }),
      ),
    )
    byId('matrix').replaceChildren(drawing)
    const size = { row: rows.length, column: columns.length }
    this.#cursor = within(this.#cursor, size)
    if (document.activeElement === byId('matrix')) this.#pointAt(this.#cursor)
  }

  #pointAt(place: Place): void {
    const matrix = this.#matrix
    const [row, column] = [matrix?.page.rows[place.row], matrix?.page.columns[place.column]]
    if (matrix === undefined || row === undefined || column === undefined) return
    this.#cursor = place
    setText(byId('matrix-way'), wayText(matrix, row.node, column))
    const cursor = document.getElementById('matrix-cursor')
    const step = stepOf(matrix)
    cursor?.setAttribute('x', String(place.column * step))
    cursor?.setAttribute('y', String(place.row * step))
    cursor?.setAttribute('visibility', 'visible')
  }

  #placeAt({ clientX, clientY }: PointerEvent): Place | undefined {
    const matrix = this.#matrix
    const box = byId('matrix').querySelector('svg')?.getBoundingClientRect()
    if (matrix === undefined || box === undefined || box.width === 0) return undefined
    const unit = WIDTH / box.width
    const names = matrix.page.rows.length > MAX_NAMED ? 0 : NAMES
    const column = Math.floor(((clientX - box.left) * unit - names) / stepOf(matrix))
    const row = Math.floor(((clientY - box.top) * unit) / stepOf(matrix))
    const { row: rows, column: columns } = this.#size
    return row >= 0 && column >= 0 && row < rows && column < columns ? { row, column } : undefined
  }
}

/** The side of one square. */
function stepOf({ page: { rows, columns } }: Matrix): number {
  const room = rows.length > MAX_NAMED ? WIDTH : WIDTH - NAMES
  return Math.min(22, room / Math.max(1, columns.length))
}

function summaryOf({ total, rows, columns, matching, everyMs }: MatrixPage): string {
  const silent = rows.filter(({ state }) => state === 'unknown' || state === 'old').length
  const asked = `each node is asked about every ${durationText(everyMs)}`
  const known = silent === 0 ? '' : ` ${numberText(silent)} of them not known.`
  if (columns.length === total && rows.length === total) {
    return `${countText(total, 'node', 'nodes')}, from each (rows) to each (columns); ${asked}.${known}`
  }
  const more = matching > rows.length ? `, ${numberText(matching - rows.length)} more match` : ''
  return `${countText(rows.length, 'row', 'rows')} of ${numberText(total)} nodes: this node, those in trouble, or those that the filter names${more}; ${asked}.${known}`
}

/** The same in words, for those who do not see the drawing, and for all who look for what is wrong. */
function drawWays(matrix: Matrix): void {
  const ways = matrix.troubles()
  const children: Child[] =
    ways.length === 0
      ? [el('p', {}, 'No loss, as far as nodes have said.')]
      : [
          table(
            ['From', 'To', 'What', 'Loss', 'Round trip'],
            ways
              .slice(0, MAX_WAYS)
              .map(({ from, to, verdict: { level, text, loss, rttMs } }) => [
                matrix.nameOf(from),
                matrix.nameOf(to),
                el('span', { class: `state ${level}` }, text),
                loss === null ? '–' : lossText(loss),
                rttMs === null ? '–' : msText(rttMs),
              ]),
            'Ways with loss',
          ),
        ]
  const rest = ways.length - MAX_WAYS
  if (rest > 0) children.push(el('p', { class: 'muted' }, `And ${numberText(rest)} more.`))
  byId('matrix-ways').replaceChildren(...children)
}
