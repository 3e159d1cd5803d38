import { FakeClock } from '@selvedge/conformance'
import { expect, test } from 'vitest'
import { EventLimiter } from './event-limiter.js'

function limiter() {
  const clock = new FakeClock()
  const lines: string[] = []
  const debug: string[] = []
  const abort = new AbortController()
  const events = new EventLimiter({
    log: (level, message) => void (level === 'debug' ? debug : lines).push(message),
    clock,
    signal: abort.signal,
    nouns: { INVALID_LEASE: 'records are not leases' },
    happenings: ['LEASE_CONFLICT'],
  })
  const report = (message: string, kind = 'INVALID_LEASE') => events.report({ level: 'error', kind, message })
  return { clock, lines, debug, abort, report, events }
}

test('three thousand of a kind at once are six lines', async () => {
  const { clock, lines, debug, report } = limiter()
  for (let i = 1; i <= 3_000; i += 1) report(`record ${i}`)
  expect(lines).toEqual([1, 2, 3, 4, 5].map((i) => `record ${i}`))
  await clock.advance(10_000)
  expect(lines.slice(5)).toEqual(['2995 more records are not leases; the last: record 3000'])
  expect(debug).toHaveLength(2_995)
})

test('a stream of them is one line every 10 s', async () => {
  const { clock, lines, report } = limiter()
  for (let second = 0; second < 60; second += 1) {
    for (let i = 0; i < 100; i += 1) report(`record ${second} ${i}`)
    await clock.advance(1_000)
  }
  await clock.advance(20_000)
  expect(lines).toHaveLength(5 + 6)
})

test('after a quiet while the next ones are logged one by one', async () => {
  const { clock, lines, report } = limiter()
  for (let i = 0; i < 100; i += 1) report(`record ${i}`)
  await clock.advance(30_000)
  lines.length = 0
  report('another')
  report('one more')
  expect(lines).toEqual(['another', 'one more'])
})

test('one kind does not hide another', () => {
  const { lines, report } = limiter()
  for (let i = 0; i < 100; i += 1) report(`record ${i}`)
  report('the kernel refused', 'DRIVER_REFUSED')
  expect(lines.at(-1)).toBe('the kernel refused')
})

test('a single one beyond the burst is logged as it is', async () => {
  const { clock, lines, report } = limiter()
  for (let i = 0; i < 6; i += 1) report(`record ${i}`)
  await clock.advance(10_000)
  expect(lines.at(-1)).toBe('record 5')
})

test('an identical message comes again after five minutes, and at debug each time', async () => {
  const { clock, lines, debug, report } = limiter()
  for (let minute = 0; minute < 12; minute += 1) {
    report('no answer')
    report('no answer from the other one')
    await clock.advance(60_000)
  }
  expect(lines).toEqual([
    'no answer',
    'no answer from the other one',
    'no answer',
    'no answer from the other one',
    'no answer',
    'no answer from the other one',
  ])
  expect(debug).toHaveLength(18)
})

test('an identical message is logged again at once if what it said was over meanwhile', () => {
  const { lines, report, events } = limiter()
  report('SubnetLen is 33')
  report('SubnetLen is 33')
  events.forget('INVALID_LEASE', 'SubnetLen is 33')
  report('SubnetLen is 33')
  expect(lines).toEqual(['SubnetLen is 33', 'SubnetLen is 33'])
})

test('what happens again is logged each time, a flood of it as a count', async () => {
  const { clock, lines, report } = limiter()
  for (let i = 0; i < 300; i += 1) report('two hosts say they have 10.1.2.0/24', 'LEASE_CONFLICT')
  expect(lines).toHaveLength(5)
  await clock.advance(30_000)
  lines.length = 0
  report('two hosts say they have 10.1.2.0/24', 'LEASE_CONFLICT')
  expect(lines).toEqual(['two hosts say they have 10.1.2.0/24'])
})

test('once aborted it logs no count', async () => {
  const { clock, lines, abort, report } = limiter()
  for (let i = 0; i < 100; i += 1) report(`record ${i}`)
  abort.abort()
  await clock.advance(60_000)
  expect(lines).toHaveLength(5)
})
