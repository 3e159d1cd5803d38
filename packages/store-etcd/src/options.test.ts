import { describe, expect, it } from 'vitest'
import { type EtcdSubnetManagerOptions, readSettings } from './options.js'

const endpoints = ['http://127.0.0.1:2379']

describe('readSettings', () => {
  it('fills in the defaults', () => {
    expect(readSettings({ endpoints })).toMatchObject({
      prefix: '/coreos.com/network',
      leaseTermMs: 86_400_000,
      requestTimeoutMs: 5_000,
      patienceMs: 10_000,
      auth: undefined,
      client: undefined,
    })
  })

  it.each([
    ['http://127.0.0.1:2379', 'http://127.0.0.1:2379', '127.0.0.1', 2379],
    ['https://etcd-0.example/', 'https://etcd-0.example:2379', 'etcd-0.example', 2379],
    ['HTTPS://ETCD:443', 'https://ETCD:443', 'ETCD', 443],
    ['http://[fd00::5]:80', 'http://[fd00::5]:80', 'fd00::5', 80],
  ])('reads endpoint %s as %s', (text, url, host, port) => {
    const [endpoint] = readSettings({ endpoints: [text] }).endpoints
    expect(endpoint).toEqual({ url, host, port, secure: url.startsWith('https') })
  })

  it.each<[string, EtcdSubnetManagerOptions, RegExp]>([
    ['neither endpoints nor a client', {}, /give either endpoints, .* or a client/],
    ['an address that is none', { endpoints, addresses: ['etcd'] }, /addresses has 'etcd', which is no IP/],
    ['no endpoint', { endpoints: [] }, /give either endpoints/],
    [
      'an endpoint without a scheme',
      { endpoints: ['127.0.0.1:2379'] },
      /endpoint '127\.0\.0\.1:2379' must be http/,
    ],
    ['another scheme', { endpoints: ['ftp://etcd:2379'] }, /endpoint 'ftp:\/\/etcd:2379' must be/],
    ['a path', { endpoints: ['http://etcd:2379/v3'] }, /endpoint 'http:\/\/etcd:2379\/v3' must be/],
    ['a port too high', { endpoints: ['http://etcd:70000'] }, /endpoint 'http:\/\/etcd:70000' must be/],
    ['a user without a password', { endpoints, username: 'u' }, /username and password belong together/],
    ['a password without a user', { endpoints, password: 'p' }, /username and password belong together/],
    [
      'a term of fractions',
      { endpoints, leaseTermMs: 5_500 },
      /leaseTermMs is 5500, but must be whole seconds/,
    ],
    ['a term too short', { endpoints, leaseTermMs: 4_000 }, /leaseTermMs is 4000/],
    ['no term', { endpoints, leaseTermMs: Number.NaN }, /leaseTermMs is NaN/],
    ['no time to answer', { endpoints, requestTimeoutMs: 0 }, /requestTimeoutMs is 0, but must be/],
    ['endless patience', { endpoints, patienceMs: Number.POSITIVE_INFINITY }, /patienceMs is Infinity/],
  ])('refuses %s', (_, options, message) => {
    expect(() => readSettings(options)).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', message: expect.stringMatching(message) }),
    )
  })

  it('shows no password of an endpoint', () => {
    expect(() => readSettings({ endpoints: ['http://user:S3cret@etcd:2379'] })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('S3cret') }),
    )
  })
})
