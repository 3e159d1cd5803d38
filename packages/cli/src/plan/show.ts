import type { Change } from '@selvedge/agent'
import { printable } from '@selvedge/core/kit'
import type { Page, Style } from '../output/page.js'

/** Beyond so many changes, a page has some of each sort. */
const MAX_CHANGES = 40
const MAX_OF_SORT = 6
/** Lines of one object's text, such as its rules. */
const MAX_LINES = 12
/** Of one value, in characters: what a command has printed may be long. */
const MAX_VALUE = 160

const SIGNS = { add: '+', change: '~', delete: '-' } as const
const STYLES = { add: 'green', change: 'yellow', delete: 'red' } as const satisfies Record<string, Style>
const TYPES = ['add', 'change', 'delete'] as const

/** The changes as a diff, sort by sort: all of them, or a summary of a large network. */
export function showChanges(
  page: Page,
  changes: readonly Change[],
  { all }: { readonly all: boolean },
): void {
  const margin = Math.max(...changes.map(({ kind }) => kind.length), 0) + 3
  const max = all || changes.length <= MAX_CHANGES ? Number.POSITIVE_INFINITY : MAX_OF_SORT
  for (const sort of sortsOf(changes)) {
    for (const change of sort.slice(0, max)) showChange(page, change, margin, all)
    const [first] = sort
    if (first !== undefined && sort.length > max) {
      page.text(
        `${SIGNS[first.type]} ${first.kind.padEnd(margin - 2)}and ${sort.length - max} more: --all shows them`,
        { indent: margin, style: 'dim' },
      )
    }
  }
}

/** `3 to add (2 route, 1 link), 1 to change (1 link), 0 to delete`. */
export function summaryOf(changes: readonly Change[]): string {
  return TYPES.map((type) => {
    const kinds = new Map<string, number>()
    const those = changes.filter((change) => change.type === type)
    for (const { kind } of those) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    const named = [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ')
    return `${those.length} to ${type}${named === '' ? '' : ` (${named})`}`
  }).join(', ')
}

function showChange(page: Page, change: Change, margin: number, all: boolean): void {
  const { type, kind, text, differences, lines } = change
  const style = STYLES[type]
  page.text(`${SIGNS[type]} ${kind.padEnd(margin - 2)}${text}`, { indent: margin + 2, style })
  if (type === 'change') {
    const width = Math.max(...differences.map(({ field }) => field.length), 0) + 2
    for (const { field, before, after } of differences) {
      const name = printable(field, MAX_VALUE)
      page.text(
        `${' '.repeat(margin + 2)}${name.padEnd(width)}${shownValue(before)} → ${shownValue(after)}`,
        {
          indent: margin + 2 + Math.min(width, 24),
        },
      )
    }
  }
  // Of an object that is new or goes, its line says enough.
  const shown = all ? lines : type === 'change' ? lines.slice(0, MAX_LINES) : []
  for (const line of shown) page.text(`${' '.repeat(margin + 2)}${line}`, { indent: margin + 6 })
  if (type === 'change' && shown.length < lines.length) {
    page.text(`${' '.repeat(margin + 2)}and ${lines.length - shown.length} lines more: --all shows them`, {
      style: 'dim',
    })
  }
}

function shownValue(value: unknown): string {
  if (value === undefined || value === '') return '(none)'
  const text = Array.isArray(value) ? value.join(' ') : String(value)
  return printable(text.replaceAll(/\s+/g, ' '), MAX_VALUE)
}

/** Changes of one type and kind are one sort; sorts come in the order of their firsts. */
function sortsOf(changes: readonly Change[]): readonly (readonly Change[])[] {
  const sorts = new Map<string, Change[]>()
  for (const change of changes) {
    const sort = `${change.type} ${change.kind}`
    const others = sorts.get(sort)
    if (others === undefined) sorts.set(sort, [change])
    else others.push(change)
  }
  return [...sorts.values()]
}
