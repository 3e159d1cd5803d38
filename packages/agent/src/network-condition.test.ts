import { FakeClock } from '@selvedge/conformance'
import { expect, onTestFinished, test } from 'vitest'
import { NetworkCondition } from './network-condition.js'

function start({ probes = true }: { probes?: boolean } = {}) {
  const clock = new FakeClock()
  const end = new AbortController()
  onTestFinished(() => end.abort())
  const reports: (string | undefined)[] = []
  const logged: string[] = []
  const state = { why: undefined as string | undefined, fails: false }
  const condition = new NetworkCondition({
    report: async (why) => {
      reports.push(why)
      if (state.fails) throw new Error('the API server is unavailable')
    },
    whyIsolated: probes ? () => state.why : undefined,
    log: (level, message) => logged.push(`${level} ${message}`),
    clock,
    random: () => 0.5,
  })
  void condition.run(end.signal)
  return { clock, reports, logged, state, condition }
}

test('without probes the network is reported available once, and again when asked for, without looking in between', async () => {
  const { clock, reports, condition } = start({ probes: false })
  await clock.advance(3_600_000)
  expect(reports).toEqual([undefined])
  condition.again()
  await clock.advance(1)
  expect(reports).toEqual([undefined, undefined])
})

test('what lasts 10 s is reported, either way, and what is shorter is not', async () => {
  const { clock, reports, logged, state } = start()
  await clock.advance(1_000)
  state.why = 'no peer answers'
  await clock.advance(9_000)
  state.why = undefined
  await clock.advance(60_000)
  expect(reports).toEqual([undefined])
  state.why = 'no peer answers'
  await clock.advance(12_000)
  expect(reports).toEqual([undefined, 'no peer answers'])
  state.why = undefined
  await clock.advance(5_000)
  state.why = 'no peer answers, again'
  await clock.advance(60_000)
  expect(reports).toEqual([undefined, 'no peer answers'])
  state.why = undefined
  await clock.advance(12_000)
  expect(reports).toEqual([undefined, 'no peer answers', undefined])
  expect(logged).toEqual([
    'warn the network is unavailable: no peer answers',
    'info the network is available again: peers are reached',
  ])
})

test('a report that fails is retried, and logged once; what has changed meanwhile is what is reported', async () => {
  const { clock, reports, logged, state } = start()
  await clock.advance(1_000)
  state.why = 'no peer answers'
  state.fails = true
  await clock.advance(60_000)
  expect(reports.slice(1).every((why) => why === 'no peer answers')).toBe(true)
  expect(reports.length).toBeGreaterThan(3)
  expect(logged.filter((line) => line.startsWith('warn'))).toEqual([
    'warn the network is unavailable: no peer answers',
    'warn reporting that the network is unavailable failed, and is retried',
  ])
  state.why = undefined
  await clock.advance(60_000)
  state.fails = false
  await clock.advance(60_000)
  expect(reports.at(-1)).toBeUndefined()
  const { length } = reports
  await clock.advance(60_000)
  expect(reports).toHaveLength(length)
})
