import { fuzz, fuzzSettings, hostileText, outcomeOf } from '@selvedge/conformance'
import { expect, it } from 'vitest'
import { readCommandLine } from './command-line.js'
import { UsageError } from './flag-set.js'
import { parseGoDuration, parseGoInteger } from './go-values.js'

const settings = fuzzSettings(process.env)
const timeout = settings.count === undefined ? 60_000 : 3_600_000

/** strconv and time: what the two read, as far as one expression can say it. */
const DURATION = /^[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/

it('durations and numbers of flags', { timeout }, async () => {
  let durations = 0
  const report = await fuzz({
    ...settings,
    input: hostileText([
      '24h',
      '1h30m',
      '1.5s',
      '300ms',
      '-2h45m30.5s',
      '0x_1F',
      '-017',
      '1_000',
      '4294967295',
    ]),
    check(text) {
      const duration = outcomeOf(
        () => parseGoDuration(text),
        (error) => error instanceof SyntaxError,
      )
      if (duration !== undefined) {
        durations += 1
        // The expression itself is not linear.
        if (text.length < 200 && !DURATION.test(text)) throw new Error('it is no duration')
        if (!Number.isFinite(duration)) throw new Error(`it is ${duration} ms`)
      }
      const number = outcomeOf(
        () => parseGoInteger(text),
        (error) => error instanceof SyntaxError,
      )
      if (number !== undefined && !Number.isSafeInteger(number)) throw new Error(`it is ${number}`)
      outcomeOf(
        () => readCommandLine([`--etcd-lease-ttl=${text}`], {}),
        (error) => error instanceof UsageError,
      )
    },
  })
  expect(durations, 'inputs that are durations').toBeGreaterThan(report.count / 20)
  console.log('durations', report)
})
