import { byId, type Child, el, setText } from './dom.js'
import type { Feed, PeerRow } from './feed.js'
import { type Column, type ListState, PAGE_SIZE, pageOf, type Shown } from './peer-list.js'
import { agoText, lossText, msText } from './texts.js'
import { PATH_TEXTS } from './topology.js'
import { peerVerdict } from './verdicts.js'

const COLUMNS: readonly { readonly column: Column; readonly text: string; readonly isNumber?: boolean }[] = [
  { column: 'subnet', text: 'Subnet' },
  { column: 'state', text: 'State' },
  { column: 'address', text: 'Address' },
  { column: 'path', text: 'Path' },
  { column: 'rtt', text: 'Round trip', isNumber: true },
  { column: 'loss', text: 'Loss', isNumber: true },
  { column: 'drift', text: 'Drift', isNumber: true },
  { column: 'changed', text: 'Last change', isNumber: true },
]

/** The table of peers, with what a person has chosen to see of it. */
export class PeerTable {
  #state: ListState = { filter: '', shown: 'all', column: 'state', descending: false, page: 0 }
  readonly #heads = new Map<Column, HTMLElement>()
  readonly #onChange: () => void

  /** @param onChange called when it has to be rendered again */
  constructor(onChange: () => void) {
    this.#onChange = onChange
    for (const { column, text, isNumber } of COLUMNS) {
      const button = el('button', { type: 'button' }, text)
      button.addEventListener('click', () => this.#sortBy(column))
      this.#heads.set(column, el('th', { scope: 'col', class: isNumber ? 'number' : undefined }, button))
    }
    byId('peer-head').replaceChildren(...this.#heads.values())
    // A narrow window scrolls it sideways, by keyboard too.
    byId('peer-scroll').tabIndex = 0
    const filter = byId<HTMLInputElement>('filter')
    filter.addEventListener('input', () => this.#choose({ filter: filter.value, page: 0 }))
    const show = byId<HTMLSelectElement>('show')
    show.addEventListener('change', () => this.#choose({ shown: show.value as Shown, page: 0 }))
    byId('previous').addEventListener('click', () => this.#choose({ page: this.#state.page - 1 }))
    byId('next').addEventListener('click', () => this.#choose({ page: this.#state.page + 1 }))
  }

  render({ peers, summary }: Feed, now: number): void {
    const page = pageOf(peers.values(), this.#state, now)
    this.#state = { ...this.#state, page: page.page }
    for (const [column, head] of this.#heads) {
      if (column !== this.#state.column) head.removeAttribute('aria-sort')
      else head.setAttribute('aria-sort', this.#state.descending ? 'descending' : 'ascending')
    }
    byId('peer-rows').replaceChildren(...page.rows.map((peer) => rowOf(peer, now)))
    const beyond = summary.peerCount - peers.size
    const note = beyond > 0 ? ` (${beyond.toLocaleString('en')} more are not shown)` : ''
    const range = `${page.first.toLocaleString('en')}–${page.last.toLocaleString('en')}`
    setText(byId('range'), `${range} of ${page.matching.toLocaleString('en')}${note}`)
    byId<HTMLButtonElement>('previous').disabled = page.page === 0
    byId<HTMLButtonElement>('next').disabled = page.page >= page.pages - 1
    byId('previous').parentElement?.toggleAttribute('hidden', page.matching <= PAGE_SIZE && beyond <= 0)
    const empty = byId('peers-empty')
    empty.hidden = page.matching > 0
    byId('peer-table').hidden = page.matching === 0
    setText(
      empty,
      peers.size === 0
        ? 'No other node has a lease yet. Peers appear here as they join.'
        : 'No peer matches.',
    )
  }

  #sortBy(column: Column): void {
    const descending = this.#state.column === column && !this.#state.descending
    this.#choose({ column, descending, page: 0 })
  }

  #choose(chosen: Partial<ListState>): void {
    this.#state = { ...this.#state, ...chosen }
    this.#onChange()
  }
}

function rowOf(peer: PeerRow, now: number): HTMLElement {
  const { level, text } = peerVerdict(peer, now)
  const unknown = () => el('span', { class: 'muted' }, peer.silent === true ? '–' : 'not probed')
  const number = (...children: readonly Child[]) => el('td', { class: 'number' }, ...children)
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, lines(peer.subnets, peer.key)),
    el('td', {}, el('span', { class: `state ${level}` }, text)),
    el('td', {}, lines(peer.addresses, 'none')),
    el('td', {}, `${PATH_TEXTS[peer.path]}${peer.backend === '' ? '' : `, ${peer.backend}`}`),
    number(peer.rttMs === undefined ? (peer.loss === undefined ? unknown() : '–') : msText(peer.rttMs)),
    number(peer.loss === undefined ? unknown() : lossText(peer.loss)),
    number(peer.drift === 0 ? '0' : `${peer.drift}${peer.driftAt ? ` (${agoText(peer.driftAt, now)})` : ''}`),
    number(peer.changedAt === undefined ? '' : agoText(peer.changedAt, now)),
  )
}

/** One line each: of two families there are two. */
function lines(texts: readonly string[], otherwise: string): Node {
  const [first = otherwise, ...others] = texts
  return el('span', {}, first, ...others.flatMap((text) => [el('br'), text]))
}
