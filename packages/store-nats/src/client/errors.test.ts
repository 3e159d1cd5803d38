import { errors } from '@nats-io/transport-node'
import { describe, expect, it } from 'vitest'
import { classify, type FailureKind, isFailure, NatsFailure } from './errors.js'

const coded = (message: string, members: object) => Object.assign(new Error(message), members)
const request = (cause: Error) => new errors.RequestError(cause.message, { cause })

describe('the kind of a failure', () => {
  const cases: [string, unknown, FailureKind][] = [
    ['no server', coded('connect ECONNREFUSED 127.0.0.1:4222', { code: 'ECONNREFUSED' }), 'unavailable'],
    ['a timeout', new errors.TimeoutError(), 'unavailable'],
    ['nobody who answers', request(new errors.NoRespondersError('$JS.API.INFO')), 'unavailable'],
    ['a request cut off by the end', new errors.RequestError('connection closed'), 'unavailable'],
    ['a server that is full', new errors.ProtocolError('maximum connections exceeded'), 'unavailable'],
    ['a wrong password', new errors.AuthorizationError('Authorization Violation'), 'denied'],
    ['a JWT', new errors.UserAuthenticationExpiredError('User Authentication Expired'), 'denied'],
    ['a certificate', coded('certificate has expired', { code: 'CERT_HAS_EXPIRED' }), 'untrusted'],
    ['TLS that is missing', new errors.ConnectionError("server does not support 'tls'"), 'untrusted'],
    ['a key that changed', coded('wrong last sequence: 7', { code: 10_071, status: 400 }), 'outdated'],
    ['no bucket', coded('stream not found', { code: 10_059, status: 404 }), 'no-stream'],
    ['a bucket that exists', coded('stream name already in use', { code: 10_058 }), 'exists'],
    ['no room', coded('insufficient resources', { code: 10_023, status: 503 }), 'full'],
    ['no leader', coded('temporarily unavailable', { code: 10_008, status: 503 }), 'unavailable'],
    ['another refusal', coded('bad request', { code: 10_003, status: 400 }), 'refused'],
    ['a fault of our own', new TypeError('x is not a function'), 'refused'],
    ['nothing at all', undefined, 'refused'],
  ]
  it.each(cases)('%s', (_, error, kind) => {
    expect(classify(error).kind).toBe(kind)
  })

  it('of a permission has the subject, also as the cause of a request', () => {
    for (const [text, forbidden] of [
      ['Permissions Violation for Publish to "$KV.b.k"', { operation: 'publish', subject: '$KV.b.k' }],
      [
        'Permissions Violation for Subscription to "_INBOX.x"',
        { operation: 'subscribe', subject: '_INBOX.x' },
      ],
    ] as const) {
      const error = errors.PermissionViolationError.parse(text)
      if (error === null) throw new TypeError('the library knows it')
      for (const each of [error, request(error)]) {
        expect(classify(each)).toMatchObject({ kind: 'forbidden', said: text, forbidden })
      }
    }
  })

  it.each([
    [
      'error:0A000412:SSL routines::sslv3 alert bad certificate:rec.c:1601:SSL alert number 42',
      'bad certificate',
    ],
    ['error:0A00045C:SSL routines::tlsv13 alert certificate required:rec.c:1601', 'certificate required'],
    ['error:0A000418:SSL routines::tlsv1 alert unknown ca:rec.c:1601', 'unknown ca'],
  ])('%s is about the certificate of the client', (text, alert) => {
    const error = new errors.ConnectionError('it failed', { cause: coded(text, { code: 'ERR_SSL_ALERT' }) })
    expect(classify(error)).toMatchObject({ kind: 'client-certificate', said: `TLS alert ${alert}` })
  })

  it('of a failure is its own', () => {
    const failure = new NatsFailure({ kind: 'full', said: 'no room', cause: undefined })
    expect(classify(failure)).toBe(failure.failure)
    expect(isFailure(failure, 'full')).toBe(true)
    expect(isFailure(failure, 'exists')).toBe(false)
  })

  it('is found although a cause is its own', () => {
    const error = new Error('round and round')
    error.cause = error
    expect(classify(error)).toMatchObject({ kind: 'refused', said: 'round and round' })
  })
})
