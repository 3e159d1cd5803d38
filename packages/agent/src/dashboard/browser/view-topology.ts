import { byId, el, svg } from './dom.js'
import type { Feed } from './feed.js'
import { DRAWING, drawnNodes } from './topology.js'
import { levelCounts } from './verdicts.js'

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
