import { expect, test } from 'vitest'
import { secretsIn, withoutSecrets } from './redact.js'

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'

test.each([
  ['no secret', 'nodes is forbidden', 'nodes is forbidden'],
  ['all of it', `the token ${TOKEN} has expired`, 'the token [redacted] has expired'],
  ['twice', `${TOKEN} and ${TOKEN}`, '[redacted] and [redacted]'],
  ['only its beginning', `Bearer ${TOKEN.slice(0, 20)}…`, 'Bearer [redacted]…'],
  ['only its middle', `…${TOKEN.slice(10, 40)}…`, '…[redacted]…'],
  ['as much as may be a coincidence', TOKEN.slice(0, 15), TOKEN.slice(0, 15)],
])('a text with %s', (_, text, shown) => {
  expect(withoutSecrets(text, [TOKEN])).toBe(shown)
})

test('a text with a short secret is withheld, so that a gap does not reveal it', () => {
  expect(withoutSecrets('a cat', ['a'])).not.toContain('cat')
  expect(withoutSecrets('no', ['a'])).toBe('no')
})

test.each([
  [{}, ['']],
  [{ authorization: `Bearer ${TOKEN}` }, [TOKEN]],
  [{ authorization: `Basic ${btoa('user:pass:word')}` }, [btoa('user:pass:word'), 'pass:word']],
])('the secrets in %o', (headers, secrets) => {
  expect(secretsIn(headers)).toEqual(secrets)
})

test('takes a time that grows with the sizes only', () => {
  const secret = 'ab'.repeat(8_000)
  const start = performance.now()
  withoutSecrets('ab'.repeat(4) + 'c'.repeat(16_000), [secret])
  withoutSecrets('ab'.repeat(8_000), [secret])
  expect(performance.now() - start).toBeLessThan(1_000)
})
