/** What a terminal shows, as a picture that stands alone: for the documents. */

/** Of a dark terminal, by the parameters of SGR (ECMA-48) that `selvedge` uses. */
const COLOURS: Readonly<Record<string, string>> = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341' }
const TEXT = '#e6edf3'
const BACKGROUND = '#0d1117'

const FONT_SIZE = 14
/** Of the fonts named below, which are all as wide, in px. */
const CHARACTER_WIDTH = 8.43
const LINE_HEIGHT = 19
const PADDING = 16

/** Select graphic rendition: colours, and what ends them. */
const SGR = new RegExp(`(${String.fromCharCode(27)}\\[[\\d;]*m)`, 'g')

interface Span {
  readonly text: string
  /** SGR parameters. */
  readonly styles: ReadonlySet<string>
}

/** @param screen text with escape sequences for colours */
export function terminalSvg(title: string, screen: string): string {
  const lines = screen.replaceAll('\r', '').trimEnd().split('\n').map(spansOf)
  const columns = Math.max(...lines.map((spans) => lengthOf(spans)))
  const width = Math.ceil(columns * CHARACTER_WIDTH) + 2 * PADDING
  const height = lines.length * LINE_HEIGHT + 2 * PADDING
  const rows = lines.map((spans, index) => {
    const y = PADDING + (index + 1) * LINE_HEIGHT - 5
    return `<text x="${PADDING}" y="${y}">${spans.map(tspan).join('')}</text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    `<g fill="${TEXT}" font-size="${FONT_SIZE}" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace">`,
    ...rows,
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

/** The text alone. */
export const withoutColours = (screen: string): string => screen.replaceAll('\r', '').replaceAll(SGR, '')

function spansOf(line: string): readonly Span[] {
  const spans: Span[] = []
  let styles = new Set<string>()
  for (const [index, part] of line.split(SGR).entries()) {
    // What a split is made at is between the parts.
    const parameters = index % 2 === 1 ? part.slice(2, -1) : undefined
    if (parameters === undefined) {
      if (part !== '') spans.push({ text: part, styles })
    } else if (parameters === '' || parameters === '0') styles = new Set()
    else styles = new Set([...styles, ...parameters.split(';')])
  }
  return spans
}

const lengthOf = (spans: readonly Span[]): number => spans.reduce((sum, { text }) => sum + text.length, 0)

function tspan({ text, styles }: Span): string {
  const colour = [...styles].map((style) => COLOURS[style]).find((each) => each !== undefined)
  const attributes = [
    ...(styles.has('1') ? [' font-weight="bold"'] : []),
    ...(styles.has('2') ? [' fill-opacity="0.65"'] : []),
    ...(colour === undefined ? [] : [` fill="${colour}"`]),
  ].join('')
  return attributes === '' ? escapeXml(text) : `<tspan${attributes}>${escapeXml(text)}</tspan>`
}

/** Spaces that no renderer collapses. */
const escapeXml = (text: string): string =>
  text
    .replaceAll(' ', '\u00a0')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
