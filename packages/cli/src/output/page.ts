import type { CliIo } from '../io.js'
import { type Cell, table } from './table.js'

/** No page is wider, whatever the terminal: longer lines are hard to read, and break in a ticket or a mail. */
const MAX_WIDTH = 100
const MIN_WIDTH = 40

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33' } as const

/** Of all text for people. A terminal may say that it has 0 columns: a serial console does. */
export const pageWidth = ({ columns = MAX_WIDTH }: Pick<CliIo, 'columns'>): number =>
  Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, columns))

export type Style = keyof typeof STYLES

/** Standard output, as pages for people or one JSON document for programs. */
export class Page {
  readonly json: boolean
  readonly width: number
  readonly #io: CliIo
  readonly #hasColours: boolean

  constructor(io: CliIo, { json }: { readonly json: boolean }) {
    this.#io = io
    this.json = json
    this.width = pageWidth(io)
    // https://no-color.org: set, and not empty.
    this.#hasColours = io.isTerminal && !json && !io.variables.NO_COLOR && io.variables.TERM !== 'dumb'
  }

  get isTerminal(): boolean {
    return this.#io.isTerminal
  }

  paint(style: Style, text: string): string {
    return this.#hasColours ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text
  }

  /** The one document of a call with --json. */
  document(value: unknown): void {
    this.#io.stdout(`${JSON.stringify(value, null, 2)}\n`)
  }

  /** A paragraph, broken at words; further lines are indented by `indent`. */
  text(text: string, { indent = 0, style }: { indent?: number; style?: Style } = {}): void {
    for (const line of wrap(text, this.width, indent)) {
      this.#io.stdout(`${style === undefined ? line : this.paint(style, line)}\n`)
    }
  }

  table(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
    const [first = '', ...lines] = table([head, ...rows], this.width)
    this.#io.stdout(`${this.paint('bold', first)}\n`)
    lines.forEach((line, index) => {
      const style = rows[index]?.find(
        (cell): cell is Exclude<Cell, string> => typeof cell !== 'string',
      )?.style
      this.#io.stdout(`${style === undefined ? line : this.paint(style, line)}\n`)
    })
  }

  /** Names and values below each other. */
  fields(fields: readonly (readonly [name: string, value: string | undefined])[]): void {
    const shown = fields.filter(([, value]) => value !== undefined && value !== '')
    const margin = Math.max(...shown.map(([name]) => name.length)) + 2
    for (const [name, value = ''] of shown) {
      const [first = '', ...rest] = wrap(value, this.width - margin, 0)
      this.#io.stdout(`${this.paint('bold', name.padEnd(margin))}${first}\n`)
      for (const line of rest) this.#io.stdout(`${' '.repeat(margin)}${line}\n`)
    }
  }
}

/** Lines of at most `most` characters, or one more than the indent; a word that is longer is cut. */
export function wrap(text: string, most: number, indent: number): readonly string[] {
  const width = Math.max(most, indent + 1)
  const lines: string[] = []
  for (const paragraph of text.split('\n')) {
    let line = /^ */.exec(paragraph)?.[0] ?? ''
    let isEmpty = true
    for (const word of paragraph.trim().split(' ')) {
      let rest = word
      if (!isEmpty && line.length + 1 + rest.length > width) {
        lines.push(line)
        line = ' '.repeat(indent)
        isEmpty = true
      }
      line += isEmpty ? '' : ' '
      isEmpty = false
      while (line.length + rest.length > width) {
        const room = Math.max(1, width - line.length)
        lines.push(line + rest.slice(0, room))
        rest = rest.slice(room)
        line = ' '.repeat(indent)
      }
      line += rest
    }
    lines.push(line)
  }
  return lines
}
