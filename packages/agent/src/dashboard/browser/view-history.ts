import { causesOf, median, programText } from './causes.js'
import { byMinute, CHART, type ChartColumn, chartColumns } from './columns.js'
import { byId, type Child, el, svg, table } from './dom.js'
import type { Feed } from './feed.js'
import { agoText, clockText, countText, msText, numberText } from './texts.js'

const MINUTES = 60
const SYNCS = 60
const ROWS = 8

export function renderDrift({ summary: { drift } }: Feed, now: number): void {
  if (drift.total === 0) {
    show('drift', empty('No other program has changed an entry since this agent started.'))
    return
  }
  const counts = byMinute(drift.minutes, now, MINUTES)
  const values = counts.map((value, index) => ({
    value,
    title: `${MINUTES - 1 - index} min ago: ${countText(value, 'entry', 'entries')}`,
  }))
  const recent = counts.reduce((sum, count) => sum + count, 0)
  show(
    'drift',
    chart(chartColumns(values, MINUTES), `Entries changed in each of the last ${MINUTES} minutes`),
    ends('an hour ago', 'now'),
    el('p', {}, `${countText(recent, 'entry', 'entries')} changed in the last hour.`),
    el('h3', {}, 'By whom'),
    table(
      ['Program', 'Entries', 'Last'],
      causesOf(drift.last).map(({ program, count, lastAt }) => [program, `${count}`, agoText(lastAt, now)]),
      'Programs that changed entries',
    ),
    el('h3', {}, 'Last changes, all restored or being restored'),
    table(
      ['When', 'Entry', 'Was', 'By'],
      drift.last
        .slice(0, ROWS)
        .map(({ at, key, was, by }) => [clockText(at, now), key, was, programText(by)]),
      'Last changes',
      [1, 3],
    ),
  )
}

export function renderSync({ summary: { syncs } }: Feed, now: number): void {
  const [last] = syncs
  if (last === undefined) {
    show('sync', empty('Nothing has been written yet.'))
    return
  }
  const rounds = [...syncs].reverse().slice(-SYNCS)
  const values = rounds.map(({ at, put, deleted, failed, durationMs }) => ({
    value: durationMs,
    isBad: failed > 0,
    title: `${clockText(at, now)}: ${put} written, ${deleted} deleted, ${failed} failed in ${msText(durationMs)}`,
  }))
  const durations = rounds.map(({ durationMs }) => durationMs)
  const failed = last.failed === 0 ? '' : `, ${numberText(last.failed)} failed`
  show(
    'sync',
    chart(chartColumns(values, SYNCS), `How long each of the last ${rounds.length} rounds of writes took`),
    ends('earlier rounds', 'the last'),
    el(
      'p',
      {},
      `Last round ${agoText(last.at, now)}: ${numberText(last.put)} written, ${numberText(last.deleted)} deleted${failed} in ${msText(last.durationMs)}.`,
    ),
    el(
      'p',
      { class: 'muted' },
      `Of ${countText(rounds.length, 'round', 'rounds')}: median ${msText(median(durations) ?? 0)}, longest ${msText(Math.max(...durations))}.`,
    ),
  )
}

export function renderEvents({ summary: { events } }: Feed, now: number): void {
  if (events.length === 0) {
    show('events', empty('None has since this agent started.'))
    return
  }
  const rows = events
    .slice(0, ROWS)
    .map(({ at, type, subnet }) => [clockText(at, now), subnet, type === 'put' ? 'came or changed' : 'left'])
  show('events', table(['When', 'Subnet', 'What'], rows, 'Peers that came and went'))
}

function chart(columns: readonly ChartColumn[], label: string): Node {
  const { width, height } = CHART
  return svg(
    'svg',
    { viewBox: `0 0 ${width} ${height + 1}`, role: 'img', 'aria-label': label, class: 'chart' },
    svg('line', { x1: 0, y1: height + 0.5, x2: width, y2: height + 0.5, class: 'axis' }),
    ...columns.map(({ x, y, width, height, isBad, title }) =>
      svg('rect', { x, y, width, height, class: isBad ? 'column bad' : 'column' }, svg('title', {}, title)),
    ),
  )
}

const ends = (first: string, last: string): Node =>
  el('p', { class: 'ends' }, el('span', {}, first), el('span', {}, last))

const empty = (text: string): Node => el('p', { class: 'empty' }, text)

function show(id: string, ...children: readonly Child[]): void {
  byId(id).replaceChildren(...children)
}
