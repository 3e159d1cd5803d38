import { expect, test } from 'vitest'
import { textOf } from '../output/table.js'
import { eachWay, type PathFact } from './facts/paths.js'
import { peerTable } from './peer-table.js'

const well: PathFact = {
  key: '10.244.2.0-24',
  subnet: '10.244.2.0/24',
  publicIp: '192.0.2.2',
  underlay: { sent: 3, received: 3, rttMs: 0.2 },
  overlay: { sent: 20, received: 20, rttMs: 0.4 },
  longest: 1450,
}

const rows = (tried: readonly PathFact[]) =>
  peerTable(tried, 1450).rows.map((row) => row.map(textOf).join(' | '))

test.each<[name: string, more: Partial<PathFact>, expected: readonly string[]]>([
  ['a peer that is well', {}, ['10.244.2.0/24 | 192.0.2.2 | overlay | both | 0.4 ms | 0 % | 1450']],
  [
    'one whose host alone answers',
    { overlay: undefined, longest: undefined },
    ['10.244.2.0/24 | 192.0.2.2 | host | both | 0.2 ms | 0 % | -'],
  ],
  [
    'one that does not answer',
    { overlay: undefined, underlay: undefined, longest: undefined },
    ['10.244.2.0/24 | 192.0.2.2 | - | both | - | - | -'],
  ],
  [
    'loss, and a long way',
    { overlay: { sent: 20, received: 15, rttMs: 123.4 } },
    ['10.244.2.0/24 | 192.0.2.2 | overlay | both | 123 ms | 25 % | 1450'],
  ],
  [
    'two directions that differ',
    { longest: 1300, eachWay: { there: 1300, back: 1450 } },
    ['10.244.2.0/24 | 192.0.2.2 | overlay | there | 0.4 ms | 0 % | 1300', ' |  |  | back |  |  | 1450'],
  ],
  [
    'one direction that is not known',
    { longest: 1300, eachWay: { there: undefined, back: 1300 } },
    ['10.244.2.0/24 | 192.0.2.2 | overlay | there | 0.4 ms | 0 % | ≥1300', ' |  |  | back |  |  | 1300'],
  ],
  [
    'directions that cannot be told apart',
    { longest: 1300, eachWay: { there: undefined, back: undefined } },
    ['10.244.2.0/24 | 192.0.2.2 | overlay | both | 0.4 ms | 0 % | 1300'],
  ],
])('%s', (_, more, expected) => {
  expect(rows([{ ...well, ...more }])).toEqual(expected)
})

test('those in trouble come first, and of thousands a few are shown', () => {
  const many = Array.from({ length: 2_000 }, (_, n) => ({ ...well, subnet: `10.${n >> 8}.${n & 255}.0/24` }))
  const lost = { ...well, subnet: '10.99.0.0/24', overlay: { sent: 20, received: 10, rttMs: 1 } }
  const { rows: shown, more } = peerTable([...many, lost], 1450)
  expect(shown.map((row) => textOf(row[0] ?? ''))).toEqual([
    '10.99.0.0/24',
    ...many.slice(0, 15).map(({ subnet }) => subnet),
  ])
  expect(more).toBe(1_985)
})

test.each<[name: string, ...Parameters<typeof eachWay>, there: unknown, back: unknown]>([
  ['all passes there', 1450, 1300, { there: 'whole', back: 1300 }, 1450, 1300],
  ['and fragments do not', 1450, 1300, { there: 'whole', back: undefined }, 1450, 1300],
  ['all passes back', 1450, 1300, { there: 'less', back: 1450 }, 1300, 1450],
  ['and nothing else is answered', 1450, 1300, { there: undefined, back: 1450 }, 1300, 1450],
  ['both are small, and back is greater', 1450, 1300, { there: 'less', back: 1400 }, 1300, 1400],
  [
    'what limits is the way back, and the other is not known',
    1450,
    1300,
    { there: 'less', back: 1300 },
    undefined,
    1300,
  ],
  ['what passed both ways passes back', 1450, 1300, { there: 'less', back: 0 }, undefined, 1300],
  ['nothing is known', 1450, 1300, { there: undefined, back: undefined }, undefined, undefined],
  ['it was chance', 1450, 1300, { there: 'whole', back: 1450 }, 1450, 1450],
])('each way: %s', (_, mtu, longest, measured, there, back) => {
  expect(eachWay(mtu, longest, measured)).toEqual({ there, back })
})
