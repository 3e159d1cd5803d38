import { expect, test } from 'vitest'
import { childrenWithoutStates, LostStates } from './lost-states.js'

const names = new Set(['ours'])
const child = { uniqueid: '7', state: 'INSTALLED', 'spi-in': 'c52fe016', 'spi-out': '0abc' }
const sa = (children: object, remote = 'fd77::2') => ({
  'local-host': 'fd77::1',
  'remote-host': remote,
  'child-sas': { ...children },
})
const inward = { source: 'fd77::2', destination: 'fd77::1', spi: 0xc52fe016 }
const outward = { source: 'fd77::1', destination: 'fd77::2', spi: 0xabc }

test.each([
  ['both states', [inward, outward], []],
  ['no state', [], ['7']],
  ['none of what leaves', [inward], ['7']],
  ['none of what comes in', [outward], ['7']],
  ['states of other addresses', [inward, { ...outward, destination: 'fd77::3' }], ['7']],
])('a tunnel with %s', (_what, states, expected) => {
  expect(childrenWithoutStates([{ ours: sa({ 'net-7': child }) }], names, states)).toEqual(expected)
})

test('an address may be written in another way', () => {
  const states = [inward, outward]
  expect(childrenWithoutStates([{ ours: sa({ a: child }, 'FD77:0::2') }], names, states)).toEqual([])
})

test('others’ tunnels, those under way, and what is no tunnel are not looked at', () => {
  const events = [
    { vpn: sa({ a: child }) },
    { ours: sa({ a: { ...child, state: 'REKEYING' }, b: 'text', c: { state: 'INSTALLED' } }) },
    { ours: 'text' },
    { ours: { 'child-sas': { a: child } } },
  ]
  expect(childrenWithoutStates(events, names, [])).toEqual([])
})

test('a tunnel gets new keys once it has lacked states for a while, and not at every look', () => {
  const lost = new LostStates()
  expect(lost.take(['1', '2'], 1000)).toEqual([])
  expect(lost.dues).toEqual([1250, 1250])
  expect(lost.take(['2'], 1100)).toEqual([])
  expect(lost.take(['1', '2'], 1250)).toEqual(['2'])
  expect(lost.dues).toEqual([1500])
  expect(lost.take(['1', '2'], 1499)).toEqual([])
  expect(lost.take(['1', '2'], 1500)).toEqual(['1'])
  expect(lost.take([], 1501)).toEqual([])
  expect(lost.dues).toEqual([])
})
