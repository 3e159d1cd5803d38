import type { EntryChange } from '@selvedge/agent'
import { printable } from '@selvedge/core/kit'
import { duration } from '../output/duration.js'
import type { Page, Style } from '../output/page.js'
import type { Cell } from '../output/table.js'
import type { Inspected } from './gather.js'
import type { Mark, MarkedEntry } from './marks.js'

/** How many entries that are held a section shows, and how many that are not, without --all. */
const MAX_HELD = 5
const MAX_OTHERS = 20

const TITLES: Readonly<Record<string, string>> = {
  link: 'Links',
  address: 'Addresses',
  route: 'Routes',
  neighbour: 'Neighbours',
  fdb: 'Fdb',
  rule: 'Traffic rules',
}
/** In the order of the page; kinds of other drivers follow. */
const KINDS = Object.keys(TITLES)

const WRAPPED = ['link', 'rule']

/** 10.1.9.0 comes before 10.1.10.0. */
const COLLATOR = new Intl.Collator('en', { numeric: true })

const MARKS = ['missing', 'stale', 'foreign', 'unknown', 'held'] as const satisfies readonly Mark[]
const STYLES: Readonly<Record<Mark, Style | undefined>> = {
  missing: 'red',
  stale: 'yellow',
  foreign: 'dim',
  unknown: undefined,
  held: undefined,
}

export function showInspected(
  page: Page,
  inspected: Inspected,
  { all, now }: { readonly all: boolean; readonly now: number },
): void {
  showHead(page, inspected)
  const kinds = [...new Set([...KINDS, ...inspected.entries.map(({ kind }) => kind)])]
  const byKind = groupByKind(inspected.entries)
  for (const kind of kinds) {
    const entries = byKind.get(kind) ?? []
    page.text('')
    page.text(`${TITLES[kind] ?? kind}: ${countText(entries)}`, { style: 'bold' })
    if (entries.length > 0) showEntries(page, entries, { all, now })
  }
  showRecord(page, inspected, now)
  showLeases(page, inspected, all)
}

function groupByKind(entries: readonly MarkedEntry[]): ReadonlyMap<string, readonly MarkedEntry[]> {
  const groups = new Map<string, MarkedEntry[]>()
  for (const entry of entries) {
    const group = groups.get(entry.kind)
    if (group === undefined) groups.set(entry.kind, [entry])
    else group.push(entry)
  }
  return groups
}

function showHead(
  page: Page,
  { source, why, page: desired, subnetFile, conntrack, entries }: Inspected,
): void {
  const sources = {
    agent: 'an agent that runs',
    plan: 'no agent runs: what one with these flags would desire',
    none: `not known, so that entries have no mark: ${why}`,
  }
  page.fields([
    ['Desired', sources[source]],
    [
      'Lease',
      desired && `${desired.own}, ${desired.backend} by ${desired.externalInterface}, MTU ${desired.mtu}`,
    ],
    ['Networks', desired?.networks.join(' and ')],
    ['subnet.env', `${subnetFile.path}: ${subnetFile.mark}`],
    [
      'Conntrack',
      conntrack === undefined
        ? 'not loaded'
        : `${conntrack.count} of ${conntrack.max} (${percent(conntrack.count, conntrack.max)})`,
    ],
    ['Entries', countText(entries)],
  ])
  for (const line of subnetFile.differences) page.text(`  ${printable(line)}`, { style: 'yellow', indent: 4 })
  if (subnetFile.mark === 'held' || subnetFile.mark === 'unknown') {
    for (const line of (subnetFile.text ?? '').trim().split('\n').slice(0, 10)) {
      page.text(`  ${printable(line)}`, { style: 'dim', indent: 4 })
    }
  }
}

function showEntries(
  page: Page,
  entries: readonly MarkedEntry[],
  { all, now }: { readonly all: boolean; readonly now: number },
): void {
  const sorted = MARKS.flatMap((mark) => {
    const of = entries.filter((entry) => entry.mark === mark)
    // A ruleset's order says what it does.
    if (entries[0]?.kind !== 'rule') of.sort((a, b) => COLLATOR.compare(a.text, b.text))
    return all ? of : of.slice(0, mark === 'held' ? MAX_HELD : MAX_OTHERS)
  })
  // These are long, and not cut.
  if (sorted.every(({ kind }) => WRAPPED.includes(kind))) {
    for (const { mark, text } of sorted) {
      page.text(`${mark.padEnd(9)}${printable(text, 1_000)}`, { indent: 11, ...styleOf(mark) })
    }
  } else {
    page.table(
      ['MARK', 'ENTRY', 'LEASE', 'CHANGED'],
      sorted.map((entry) => rowOf(entry, now)),
    )
  }
  if (sorted.length < entries.length) page.text(`  ${entries.length - sorted.length} more: --all shows them`)
}

function rowOf({ mark, text, lease = '-', changed, writer }: MarkedEntry, now: number): readonly Cell[] {
  const style = STYLES[mark]
  const last = changed === undefined ? (writer ?? '-') : changeText(changed, now)
  return [style === undefined ? mark : cell(mark, style), text, lease, last]
}

/** `missing 3m ago, NetworkManager[512]`: what the agent found, and whose change it was. */
function changeText({ was, at, by }: EntryChange, now: number): string {
  const who = by === undefined ? '' : `, ${printable(by.name ?? '')}[${by.pid}]`
  return `${was} ${duration(now - at)} ago${who}`
}

const cell = (text: string, style: Style): Cell => ({ text, style })

const styleOf = (mark: Mark): { readonly style?: Style } => {
  const style = STYLES[mark]
  return style === undefined ? {} : { style }
}

function showRecord(page: Page, { store: { record } }: Inspected, now: number): void {
  if (record.length === 0) return
  page.text('')
  page.text(`Annotations of this Node: ${countText(record)}`, { style: 'bold' })
  page.table(
    ['MARK', 'ANNOTATION', 'VALUE', 'WRITTEN'],
    record.map(({ mark, name, value, desired, writer, writtenAt }): readonly Cell[] => {
      const style = STYLES[mark]
      const should = mark === 'stale' || mark === 'missing' ? ` should be ${desired ?? 'none'}` : ''
      const when = writtenAt === undefined ? '' : ` ${duration(now - writtenAt)} ago`
      return [
        style === undefined ? mark : cell(mark, style),
        printable(name),
        printable(`${value ?? 'none'}${should && `,${should}`}`, 500),
        writer === undefined ? '-' : printable(`${writer}${when}`),
      ]
    }),
  )
}

function showLeases(page: Page, { store }: Inspected, all: boolean): void {
  const { leases, place, problem } = store
  page.text('')
  page.text(`Leases: ${leasesText(leases.length, place, problem)}`, {
    style: 'bold',
  })
  if (problem !== undefined)
    page.text(`  the store was not asked: ${printable(problem, 500)}`, { indent: 4, style: 'yellow' })
  const others = leases.filter(({ mark }) => mark !== undefined && mark !== 'held')
  const own = leases.filter((lease) => lease.isOwn && !others.includes(lease))
  const rest = leases.filter((lease) => !lease.isOwn && !others.includes(lease))
  const shown = all
    ? [...others, ...own, ...rest]
    : [...others.slice(0, MAX_OTHERS), ...own, ...rest.slice(0, MAX_HELD)]
  if (shown.length === 0) return
  page.table(
    ['MARK', 'KEY', 'ADDRESS', 'BACKEND', 'NODE'],
    shown.map(({ mark, key, publicIp, publicIpv6, backendType, isOwn }): readonly Cell[] => [
      mark === 'missing' ? cell(mark, 'red') : (mark ?? '-'),
      printable(key),
      [publicIp, publicIpv6].filter((each) => each !== undefined).join(' ') || '-',
      printable(backendType ?? '-'),
      isOwn ? 'this one' : '',
    ]),
  )
  if (shown.length < leases.length) page.text(`  ${leases.length - shown.length} more: --all shows them`)
}

function leasesText(count: number, place: string, problem: string | undefined): string {
  if (problem === undefined) return `${count} in ${place}`
  return count === 0 ? 'not known' : `${count} that the agent knows`
}

/** `5000 held, 1 missing`; those that there are none of are left out, but for held. */
function countText(entries: readonly Pick<MarkedEntry, 'mark'>[]): string {
  if (entries.length === 0) return 'none'
  return (['held', 'missing', 'stale', 'foreign', 'unknown'] as const)
    .map((mark) => [entries.filter((entry) => entry.mark === mark).length, mark] as const)
    .filter(([count]) => count > 0)
    .map(([count, mark]) => `${count} ${mark}`)
    .join(', ')
}

const percent = (count: number, max: number): string =>
  max > 0 ? `${((100 * count) / max).toFixed(count > 0 && count / max < 0.01 ? 2 : 0)} %` : '-'
