import { expect, test } from 'vitest'
import { childrenWithoutStates } from './lost-states.js'

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
