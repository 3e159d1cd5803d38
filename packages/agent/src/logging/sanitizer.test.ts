import { OverlayError } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { Sanitizer } from './sanitizer.js'

function sanitizer(...secrets: (string | undefined)[]): Sanitizer {
  const sanitizer = new Sanitizer()
  for (const secret of secrets) sanitizer.addSecret(secret)
  return sanitizer
}

const shown = (value: unknown, ...secrets: string[]): unknown => sanitizer(...secrets).fields({ value }).value

describe('a secret is removed from', () => {
  test.each<[string, unknown, unknown]>([
    ['a text', 'login with hunter2 failed', 'login with [redacted] failed'],
    ['a text, each time', 'hunter2hunter2', '[redacted][redacted]'],
    ['a list', ['a', 'hunter2'], ['a', '[redacted]']],
    ['an object, however deep', { a: { b: ['hunter2'] } }, { a: { b: ['[redacted]'] } }],
    ['the keys of an object', { hunter2: 1 }, { '[redacted]': 1 }],
    [
      'an error and its causes',
      new OverlayError('STORE_UNAVAILABLE', 'no hunter2', { cause: new TypeError('hunter2') }),
      {
        type: 'OverlayError',
        code: 'STORE_UNAVAILABLE',
        message: 'no [redacted]',
        cause: { type: 'TypeError', message: '[redacted]' },
      },
    ],
  ])('%s', (_, value, redacted) => {
    expect(shown(value, 'hunter2')).toEqual(redacted)
  })

  test('the stack of an unforeseen error, which repeats its message', () => {
    const written = JSON.stringify(shown(new TypeError('hunter2 is not a function'), 'hunter2'))
    expect(written).toContain('"stack"')
    expect(written).not.toContain('hunter2')
  })

  test.each(['say "friend"', 'C:\\keys\\secret', 'a b&c=d/e'])(
    'a text that quotes it as JSON or in a URL: %s',
    (secret) => {
      const text = `${JSON.stringify(secret)} ${encodeURIComponent(secret)}`
      expect(sanitizer(secret).text(text)).toBe('"[redacted]" [redacted]')
    },
  )

  test('a text in base64, or quoted in JSON again', () => {
    const secret = 'say "friend" and enter'
    const quoted = JSON.stringify(JSON.stringify(secret))
    const base64 = Buffer.from(secret).toString('base64')
    expect(sanitizer(secret).text(`${quoted} ${base64}`)).toBe(String.raw`"\"[redacted]\"" [redacted]`)
  })

  test('a text, until the secret is replaced by another', () => {
    const known = sanitizer('hunter2')
    known.setSecrets('kubernetes', ['first-token'])
    known.setSecrets('kubernetes', ['second-token'])
    expect(known.text('hunter2 first-token second-token')).toBe('[redacted] first-token [redacted]')
  })

  test('a text that is cut within it', () => {
    const secret = 'correct-horse-battery-staple'
    for (let before = 150; before < 210; before += 1) {
      const value = shown(`${'x'.repeat(before)}${secret}`, secret)
      expect(value).not.toContain('corr')
    }
  })
})

describe('a secret is known by its form:', () => {
  test.each([
    ['Bearer abcdefghijklmnopqrstuvwxyz', 'Bearer [redacted]'],
    ['denied: {"authorization":"Bearer c2VjcmV0"}', 'denied: {"authorization":"Bearer [redacted]"}'],
    ['Authorization: Basic cm9vdDpodW50ZXIy', 'Authorization: Basic [redacted]'],
    [
      'token eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVz.c2lnbmF0dXJl is expired',
      'token [redacted] is expired',
    ],
    ['https://root:hunter2@etcd:2379/v3', 'https://root:[redacted]@etcd:2379/v3'],
    ['-----BEGIN EC PRIVATE KEY-----\nMHcCAQ\n', '-----BEGIN EC PRIVATE KEY-----[redacted]'],
    ['Type is {"PSK":"a b","VNI":1}, but', 'Type is {"PSK":"[redacted]","VNI":1}, but'],
    [
      String.raw`"{\"Type\":\"ipsec\",\"PSK\":\"a\"}"`,
      String.raw`"{\"Type\":\"ipsec\",\"PSK\":\"[redacted]\"}"`,
    ],
    ['{"PSK":"cut in the mid', '{"PSK":"[redacted]'],
    ["{'shared-key': 'a', port: 1}", "{'shared-key': '[redacted]', port: 1}"],
    ['{"Secrets":[{"a":"b"}]} and more', '{"Secrets":[redacted]'],
    ['--etcd-password=x --iface=eth1', '--etcd-password=[redacted] --iface=eth1'],
    ['AWS_SECRET_ACCESS_KEY=a/b+c; next', 'AWS_SECRET_ACCESS_KEY=[redacted]; next'],
  ])('%s', (text, safe) => {
    expect(sanitizer().text(text)).toBe(safe)
  })

  test.each([
    'reading the token for the API server from /run/token: ENOENT',
    'a client certificate is given without its key: /etc/key.pem',
    'basic authentication is off',
    'the bearer of the address',
    'https://etcd:2379/a@b',
    'eyJ',
  ])('%s is none', (text) => {
    expect(sanitizer().text(text)).toBe(text)
  })
})

test.each(['a', 'abc', 'e', '12345'])(
  'a secret as short as %s is not revealed by what is missing',
  (secret) => {
    const text = 'authentication as root failed: 12345 abcde'
    expect(sanitizer(secret).text(text)).toBe(text)
  },
)

test('fields that a library hangs on its errors are not written', () => {
  const error = Object.assign(new Error('refused'), {
    request: { headers: { authorization: 'Basic c2VjcmV0' } },
  })
  expect(JSON.stringify(shown(error))).not.toContain('c2VjcmV0')
})

test('a secret that contains another leaves nothing behind', () => {
  expect(sanitizer('hunter', 'hunter2').text('hunter2')).toBe('[redacted]')
})

describe('foreign text', () => {
  test('cannot forge a line or move a terminal', () => {
    const foreign = 'x\n{"level":50}\r\x1b[2J\x9b31m\u202egnp'
    const safe = 'x\\u000a{"level":50}\\u000d\\u001b[2J\\u009b31m\\u202egnp'
    expect(sanitizer().text(foreign)).toBe(safe)
    expect(shown({ [foreign]: [foreign] })).toEqual({ [safe]: [safe] })
  })

  test('is cut: a value at 200 characters, a message at 2,000', () => {
    const foreign = 'x'.repeat(1_400_000)
    expect(shown(foreign)).toBe(`${'x'.repeat(200)}…`)
    expect(sanitizer().text(foreign)).toBe(`${'x'.repeat(2_000)}…`)
    expect(JSON.stringify(shown(new Error(foreign))).length).toBeLessThan(6_000)
  })

  test('that is a long list, a wide object or a deep one is cut, too', () => {
    expect(shown(Array.from({ length: 3_000 }, (_, i) => i))).toEqual([...Array(20).keys(), '… 2980 more'])
    const wide = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`k${i}`, i]))
    expect(Object.keys(Object(shown(wide)))).toHaveLength(20)
    let deep: unknown = 'bottom'
    for (let i = 0; i < 50_000; i += 1) deep = { deep }
    expect(JSON.stringify(shown(deep)).length).toBeLessThan(200)
    const circular: unknown[] = []
    circular.push(circular)
    expect(JSON.stringify(shown(circular))).toBe('[[[[[["…"]]]]]]')
  })

  test.each([
    'eyJ-',
    '://a:',
    'authorization:',
    '-----BEGIN PRIVATE KEY-----',
    'bearer ',
    'hunter2',
    'token',
    'psk ',
    'psk=[',
    'psk:"',
    'psk\\',
  ])('of %s by the hundred thousand costs no time', (text) => {
    const start = process.cpuUsage()
    sanitizer('hunter2').text(text.repeat(100_000))
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(500)
  })
})

test('everything else stays as it is', () => {
  const fields = { a: 1, b: null, c: true, d: undefined, e: 'text' }
  expect(sanitizer('', undefined, 'x'.repeat(8)).fields(fields)).toEqual(fields)
})
