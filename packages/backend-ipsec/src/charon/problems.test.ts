import { expect, test } from 'vitest'
import { Problems } from './problems.js'

const log = (connection: string | undefined, msg: string) => ({
  name: 'log',
  message: { 'ikesa-name': connection, msg },
})

test('a refusal counts when it is met twice, until the connection is up', () => {
  const problems = new Problems()
  const refusal = log('a', 'received AUTHENTICATION_FAILED notify error')
  expect([problems.take(refusal), problems.of('a')]).toEqual([false, undefined])
  expect([problems.take(refusal), problems.of('a')]).toEqual([true, expect.stringContaining('another PSK')])
  expect(problems.take(refusal)).toBe(false)
  expect(problems.of('b')).toBeUndefined()
  expect(problems.take(log('a', 'CHILD_SA 10.5.1.0/24-10.5.2.0/24{1} established with SPIs a_i b_o'))).toBe(
    true,
  )
  expect(problems.of('a')).toBeUndefined()
})

test.each([
  ['NO_PROPOSAL_CHOSEN', 'received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built', /ESPProposal/],
  ['other subnets', 'received TS_UNACCEPTABLE notify, no CHILD_SA built', /another subnet/],
  ['a wrong PSK on this side', "tried 2 shared keys for 'a' - 'b', but MAC mismatched", /another PSK/],
])('%s', (_what, msg, meaning) => {
  const problems = new Problems()
  problems.take(log('a', msg))
  problems.take(log('a', msg))
  expect(problems.of('a')).toMatch(meaning)
})

test('what is of no connection, or no problem, is ignored', () => {
  const problems = new Problems()
  for (const event of [
    log(undefined, 'AUTHENTICATION_FAILED'),
    log('a', 'retransmit 1 of request'),
    { name: 'x', message: {} },
  ]) {
    expect(problems.take(event)).toBe(false)
  }
})
