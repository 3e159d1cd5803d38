import { fuzz, fuzzSettings, hostileText, outcomeOf } from '@selvedge/conformance'
import { expect, it } from 'vitest'
import { readCommandLine } from './command-line.js'
import { UsageError } from './flag-set.js'
import { parseGoRegExp } from './go-regexp.js'

const settings = fuzzSettings(process.env)
const timeout = settings.count === undefined ? 60_000 : 3_600_000

const hostilePattern = hostileText([
  'eth0',
  '^eth\\d+$',
  '(?i)^ETH',
  '^192\\.168\\.(1|2)\\.',
  '^en[[:alnum:]]+$',
  '^br\\-[a-f0-9]{1,12}$',
  '(?P<kind>eth|en)\\d',
  '\\Aeth0\\z',
])

it('--iface-regex', { timeout }, async () => {
  let accepted = 0
  const report = await fuzz({
    ...settings,
    input(random) {
      const at = random()
      if (at < 0.9) return hostilePattern(random)
      // As deep as it gets: groups, classes and counts inside one another.
      const depth = Math.ceil(random() ** 3 * (random() < 0.8 ? 1_000 : 50_000))
      const [open, close] = at < 0.94 ? ['(', ')'] : at < 0.97 ? ['(?:e', '){1,2}'] : ['[', ']']
      return `${open.repeat(depth)}eth0${close.repeat(depth)}`
    },
    check(text) {
      const pattern = outcomeOf(
        () => parseGoRegExp(text),
        (error) => error instanceof SyntaxError,
      )
      if (pattern !== undefined) {
        accepted += 1
        for (const name of ['eth0', '192.168.100.200']) pattern.test(name)
      }
      outcomeOf(
        () => readCommandLine([`--iface-regex=${text}`], {}),
        (error) => error instanceof UsageError,
      )
    },
  })
  expect(accepted, 'inputs that are expressions').toBeGreaterThan(report.count / 20)
  console.log('iface-regex', report)
})
