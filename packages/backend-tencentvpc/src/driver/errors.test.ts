import { expect, it } from 'vitest'
import { ApiFailure, apiCode, refusal } from './errors.js'

const CONTEXT = { source: 'the network config', secrets: ['s3cret'], now: 0 }

it.each<[what: string, thrown: unknown, code: string | undefined, mayPass: boolean]>([
  ['a refusal', { traceId: 't', code: 'LimitExceeded', message: 'full' }, 'LimitExceeded', false],
  [
    'a refusal for now',
    { traceId: 't', code: 'RequestLimitExceeded', message: '' },
    'RequestLimitExceeded',
    true,
  ],
  ['a status', { traceId: 't', httpCode: 502, message: 'Bad Gateway' }, undefined, true],
  ['a lost connection', Object.assign(new Error('reset'), { code: 'ECONNRESET' }), undefined, true],
  ['a text', 'no', undefined, true],
  ['nothing', undefined, undefined, true],
])('%s is told from the others', (_what, thrown, code, mayPass) => {
  const failure = ApiFailure.of(thrown)
  expect(failure.code).toBe(code)
  expect(failure.isRefusal).toBe(code !== undefined)
  expect(failure.mayPass).toBe(mayPass)
  expect(apiCode(refusal('CreateRoutes', failure, CONTEXT))).toBe(code)
})

it('shows no secret, in the message or the cause', () => {
  const error = refusal('CreateRoutes', new ApiFailure('s3cret s3cret', 'AuthFailure'), CONTEXT)
  expect(`${error.message} ${error.cause}`).not.toContain('s3cret')
})
