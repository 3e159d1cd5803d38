import { byId, el, svg } from './dom.js'
import type { Feed } from './feed.js'
import { countText, lossText, msText } from './texts.js'
import { DRAWING, drawnNodes } from './topology.js'
import { levelCounts, peerVerdict } from './verdicts.js'

export function renderTopology({ summary, peers }: Feed, now: number): void {
  const nodes = drawnNodes([...peers.values()], now)
  if (nodes.length === 0) {
    byId('topology').replaceChildren(el('p', { class: 'empty' }, 'This node is alone.'))
    return
  }
  const { width, height } = DRAWING
  const [x, y] = [width / 2, height / 2]
  const { bad } = levelCounts(peers.values(), now)
  const label = `This node and ${peers.size} peers, ${bad} of them in trouble`
  const drawing = svg(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
    ...nodes.map((node) =>
      svg('line', {
        x1: x,
        y1: y,
        x2: node.x,
        y2: node.y,
        class: `edge ${node.path}${node.level === 'bad' ? ' bad' : ''}`,
      }),
    ),
    ...nodes.map((node) =>
      svg(
        'circle',
        { cx: node.x, cy: node.y, r: node.radius, class: `dot ${node.level}` },
        svg('title', {}, node.title),
      ),
    ),
    ...nodes
      .filter((node) => node.label !== '')
      .map((node) => {
        const below = node.y >= y ? node.radius + 13 : -node.radius - 5
        return svg('text', { x: node.x, y: node.y + below, 'text-anchor': 'middle' }, node.label)
      }),
    svg('circle', { cx: x, cy: y, r: 10, class: 'dot self' }),
    svg('text', { x, y: y + 24, 'text-anchor': 'middle' }, summary.node?.subnets[0] ?? summary.host),
  )
  const legend = 'Solid lines: direct. Dashed: in a tunnel. Dotted: no path.'
  byId('topology').replaceChildren(drawing, el('p', { class: 'muted' }, legend))
}

const CELLS_PER_ROW = 40
const CELL = 14
const MAX_CELLS = 400

/** What this node has measured: a row of the matrix, the others being other agents' pages. */
export function renderPaths({ peers }: Feed, now: number): void {
  const probed = [...peers.values()].filter(({ rttMs, loss }) => rttMs !== undefined || loss !== undefined)
  if (probed.length === 0) {
    const text =
      peers.size === 0
        ? 'There is no peer to probe.'
        : 'Not probed: with -probe-peers on all nodes, loss and round trips are measured.'
    byId('paths').replaceChildren(el('p', { class: 'empty' }, text))
    return
  }
  const worst = probed
    .sort((a, b) => (b.loss ?? 0) - (a.loss ?? 0) || (b.rttMs ?? 0) - (a.rttMs ?? 0))
    .slice(0, MAX_CELLS)
  const cells = worst.map((peer, index) => {
    const { level } = peerVerdict(peer, now)
    const rtt = peer.rttMs === undefined ? 'no round trip' : msText(peer.rttMs)
    const loss = peer.loss === undefined ? '' : `, loss ${lossText(peer.loss)}`
    return svg(
      'rect',
      {
        x: (index % CELLS_PER_ROW) * CELL,
        y: Math.floor(index / CELLS_PER_ROW) * CELL,
        width: CELL - 2,
        height: CELL - 2,
        rx: 2,
        class: `cell ${level}`,
      },
      svg('title', {}, `${peer.subnets[0] ?? peer.key}: ${rtt}${loss}`),
    )
  })
  const rows = Math.ceil(worst.length / CELLS_PER_ROW)
  const losing = probed.filter(({ loss = 0 }) => loss > 0).length
  const label = `From this node: ${countText(probed.length, 'peer', 'peers')} probed, ${losing} with loss`
  byId('paths').replaceChildren(
    el('p', {}, `${label}; the worst first.`),
    svg(
      'svg',
      {
        viewBox: `0 0 ${CELLS_PER_ROW * CELL} ${rows * CELL}`,
        role: 'img',
        'aria-label': label,
        class: 'chart',
      },
      ...cells,
    ),
  )
}
