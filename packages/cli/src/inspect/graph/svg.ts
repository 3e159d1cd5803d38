import type { Drawing, DrawnChain } from './drawing.js'
import { hostLines, moreText, pathLabel } from './labels.js'
import type { TopologyHost } from './topology.js'

/** In pixels. A character of a monospace font of 12 px is at most 7.3 px wide. */
const CHARACTER = 7.3
const LINE = 18
const MARGIN = 24
const GAP = 16
const CHAIN_WIDTH = 72 * CHARACTER + 24
const COLUMN_GAP = 90
const HOST_WIDTH = 380
const HOST_HEIGHT = 44
const LINK_WIDTH = 260

const COLOURS = {
  line: '#57606a',
  tunnel: '#0969da',
  direct: '#1a7f37',
  mixed: '#8250df',
  none: '#cf222e',
} as const

/** The drawing as an SVG image of its own: no scripts, no fonts, no other resources. */
export function svg(drawing: Drawing): string {
  const parts: string[] = []
  const topology = drawTopology(drawing, MARGIN + LINE, parts)
  const chains = drawChains(drawing, topology.bottom + 2 * LINE, parts)
  const width = Math.ceil(Math.max(topology.right, chains.right) + MARGIN)
  const height = Math.ceil(chains.bottom + MARGIN)
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, 'DejaVu Sans Mono', monospace" font-size="12">
<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="${COLOURS.line}"/></marker></defs>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`
}

interface Extent {
  readonly right: number
  readonly bottom: number
}

function drawTopology({ own, peers, morePeers }: Drawing, top: number, parts: string[]): Extent {
  parts.push(heading('Topology', MARGIN, top))
  const first = top + LINE
  const peersAt = MARGIN + HOST_WIDTH + LINK_WIDTH
  const bottom = first + Math.max(1, peers.length) * (HOST_HEIGHT + GAP)
  const ownTop = first + Math.min(bottom - first - HOST_HEIGHT - GAP, 4 * (HOST_HEIGHT + GAP)) / 2
  if (own === undefined) parts.push(label('what is desired is not known', MARGIN, first + LINE))
  else drawHost(own, MARGIN, ownTop, parts)
  peers.forEach((peer, place) => {
    const y = first + place * (HOST_HEIGHT + GAP)
    const middle = y + HOST_HEIGHT / 2
    if (own !== undefined) {
      const dashes =
        peer.path === 'tunnel' ? '' : ` stroke-dasharray="${peer.path === 'none' ? '2 5' : '8 4'}"`
      const bend = MARGIN + HOST_WIDTH + 40
      parts.push(
        `<path d="M${MARGIN + HOST_WIDTH} ${ownTop + HOST_HEIGHT / 2}C${bend} ${ownTop + HOST_HEIGHT / 2} ${bend - 20} ${middle} ${bend + 30} ${middle}H${peersAt}" fill="none" stroke="${COLOURS[peer.path]}" stroke-width="1.5"${dashes}/>`,
        label(pathLabel(peer), bend + 36, middle - 5, COLOURS[peer.path]),
      )
    }
    drawHost(peer, peersAt, y, parts)
  })
  if (morePeers > 0) parts.push(label(moreText(morePeers, 'peers'), peersAt, bottom + 4))
  return { right: peersAt + HOST_WIDTH, bottom: bottom + (morePeers > 0 ? LINE : 0) }
}

function drawHost(host: TopologyHost, x: number, y: number, parts: string[]): void {
  const [first = '', second = ''] = hostLines(host)
  parts.push(
    box(x, y, HOST_WIDTH, HOST_HEIGHT, host.isOwn ? '#ddf4ff' : '#f6f8fa'),
    label(fit(first, HOST_WIDTH), x + 10, y + 18),
    label(fit(second, HOST_WIDTH), x + 10, y + 35, COLOURS.line),
  )
}

/** A column for each number of jumps; a chain's rules are rows, and one that jumps has an arrow to the chain. */
function drawChains({ chains, moreChains }: Drawing, top: number, parts: string[]): Extent {
  parts.push(heading('NAT and forward chains', MARGIN, top))
  if (chains.length === 0) parts.push(label('there are none, or they cannot be read', MARGIN, top + LINE))
  const bottoms: number[] = []
  const places = chains.map(({ depth, rules, moreRules }) => {
    const y = bottoms[depth] ?? top + LINE
    const rows = Math.max(1, rules.length) + (moreRules > 0 ? 1 : 0)
    const height = LINE * (rows + 1) + 12
    bottoms[depth] = y + height + GAP
    return { x: MARGIN + depth * (CHAIN_WIDTH + COLUMN_GAP), y, height }
  })
  chains.forEach((chain, index) => {
    const at = places[index]
    if (at !== undefined) drawChain(chain, at, parts)
  })
  chains.forEach(({ rules }, index) => {
    rules.forEach(({ leadsTo }, row) => {
      const [from, to] = [places[index], places[leadsTo ?? -1]]
      if (from !== undefined && to !== undefined) drawJump(from, to, row, parts)
    })
  })
  const deepest = Math.max(0, ...chains.map(({ depth }) => depth))
  const bottom = Math.max(top + 2 * LINE, ...bottoms)
  if (moreChains > 0) parts.push(label(moreText(moreChains, 'chains'), MARGIN, bottom))
  return {
    right: MARGIN + (deepest + 1) * CHAIN_WIDTH + deepest * COLUMN_GAP,
    bottom: bottom + (moreChains > 0 ? LINE : 0),
  }
}

interface Place {
  readonly x: number
  readonly y: number
  readonly height: number
}

function drawChain(
  { title, isOwn, rules, moreRules }: DrawnChain,
  { x, y, height }: Place,
  parts: string[],
): void {
  parts.push(
    box(x, y, CHAIN_WIDTH, height, isOwn ? '#ddf4ff' : '#f6f8fa'),
    label(title, x + 10, y + LINE - 2, '#1f2328', true),
    `<path d="M${x} ${y + LINE + 5}H${x + CHAIN_WIDTH}" stroke="${COLOURS.line}"/>`,
  )
  const rows = rules.length === 0 ? ['no rules'] : rules.map(({ text }) => text)
  if (moreRules > 0) rows.push(moreText(moreRules, 'rules'))
  rows.forEach((text, row) => {
    parts.push(
      label(fit(text, CHAIN_WIDTH), x + 10, y + LINE * (row + 2) + 2, verdictColour(rules[row]?.verdict)),
    )
  })
}

function drawJump(from: Place, to: Place, row: number, parts: string[]): void {
  const [x, y] = [from.x + CHAIN_WIDTH, from.y + LINE * (row + 2) - 2]
  const target = to.y + LINE / 2
  // To a chain that is not to the right of it, an arrow goes around.
  const bend = to.x > from.x ? (x + to.x) / 2 : x + COLUMN_GAP / 3
  const end = to.x > from.x ? to.x : to.x + CHAIN_WIDTH
  parts.push(
    `<path d="M${x} ${y}C${bend} ${y} ${bend} ${target} ${end} ${target}" fill="none" stroke="${COLOURS.line}" marker-end="url(#arrow)"/>`,
  )
}

function verdictColour(verdict: string | undefined): string {
  if (verdict === 'drop' || verdict === 'reject') return COLOURS.none
  if (verdict === 'accept') return COLOURS.direct
  return verdict === 'masquerade' || verdict === 'snat' ? COLOURS.tunnel : '#1f2328'
}

const box = (x: number, y: number, width: number, height: number, fill: string): string =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4" fill="${fill}" stroke="${COLOURS.line}"/>`

const heading = (text: string, x: number, y: number): string =>
  `<text x="${x}" y="${y}" font-size="16" font-weight="bold">${escaped(text)}</text>`

const label = (text: string, x: number, y: number, fill = '#1f2328', isBold = false): string =>
  `<text x="${x}" y="${y}" fill="${fill}"${isBold ? ' font-weight="bold"' : ''} xml:space="preserve">${escaped(text)}</text>`

function fit(text: string, width: number): string {
  const room = Math.floor((width - 20) / CHARACTER)
  return text.length <= room ? text : `${text.slice(0, room - 1)}…`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** For XML 1.0, which has no place for some characters at all. */
const escaped = (text: string): string =>
  text
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
