import { OverlayError } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { Sanitizer } from './sanitizer.js'

function redactor(...secrets: (string | undefined)[]): Sanitizer {
  const redactor = new Sanitizer()
  for (const secret of secrets) redactor.add(secret)
  return redactor
}

describe('a secret is taken out of', () => {
  test.each<[string, unknown, unknown]>([
    ['a text', 'login with hunter2 failed', 'login with [redacted] failed'],
    ['a text, each time', 'hunter2hunter2', '[redacted][redacted]'],
    ['a list', ['a', 'hunter2'], ['a', '[redacted]']],
    ['an object, however deep', { a: { b: ['hunter2'] } }, { a: { b: ['[redacted]'] } }],
    [
      'an error and its causes',
      new OverlayError('STORE_UNAVAILABLE', 'http://hunter2@etcd', { cause: new TypeError('hunter2') }),
      {
        type: 'OverlayError',
        code: 'STORE_UNAVAILABLE',
        message: 'http://[redacted]@etcd',
        cause: { type: 'TypeError', message: '[redacted]' },
      },
    ],
  ])('%s', (_, value, redacted) => {
    expect(redactor('hunter2').value(value)).toEqual(redacted)
  })

  test('the stack of an unforeseen error, which repeats its message', () => {
    const written = JSON.stringify(redactor('hunter2').value(new TypeError('hunter2 is not a function')))
    expect(written).toContain('"stack"')
    expect(written).not.toContain('hunter2')
  })
})

test('fields that a library hangs on its errors are not written', () => {
  const error = Object.assign(new Error('refused'), {
    request: { headers: { authorization: 'Basic c2VjcmV0' } },
  })
  expect(JSON.stringify(new Sanitizer().value(error))).not.toContain('c2VjcmV0')
})

test('a secret that contains another leaves nothing behind', () => {
  expect(redactor('hunter', 'hunter2').text('hunter2')).toBe('[redacted]')
})

test('what is no secret stays as it is', () => {
  const fields = { a: 1, b: null, c: true, d: undefined, e: 'text' }
  expect(redactor('', undefined, 'x'.repeat(8)).value(fields)).toEqual(fields)
})
