/** The style of a cell is that of its whole row. */
export type Cell =
  | string
  | { readonly text: string; readonly style: 'dim' | 'red' | 'green' | 'yellow' | 'bold' }

const GAP = 2
const MIN_COLUMN = 4

export const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text)

/** Rows below each other, at most `width` characters wide: the widest columns are cut, with an ellipsis. */
export function table(rows: readonly (readonly Cell[])[], width: number): readonly string[] {
  const count = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: count }, (_, column) =>
    rows.reduce((widest, row) => Math.max(widest, textOf(row[column] ?? '').length), 0),
  )
  const room = width - GAP * (count - 1)
  for (let excess = sum(widths) - room; excess > 0; excess = sum(widths) - room) {
    const widest = widths.indexOf(Math.max(...widths))
    const second = Math.max(0, ...widths.filter((_, column) => column !== widest))
    const now = widths[widest] ?? 0
    if (now <= MIN_COLUMN) break
    widths[widest] = Math.max(MIN_COLUMN, now - excess, Math.min(second, now - 1))
  }
  return rows.map((row) =>
    widths
      .map((each, column) => cut(textOf(row[column] ?? ''), each).padEnd(each))
      .join(' '.repeat(GAP))
      .trimEnd(),
  )
}

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0)
