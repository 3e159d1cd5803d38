import { describe, expect, it } from 'vitest'
import { type NatsSubnetManagerOptions, readSettings } from './options.js'

const servers = ['nats://10.0.0.5']

describe('readSettings', () => {
  it('fills in the defaults', () => {
    expect(readSettings({ servers })).toMatchObject({
      servers: [{ host: '10.0.0.5', port: 4222 }],
      bucket: 'selvedge',
      credentials: undefined,
      tls: undefined,
      domain: undefined,
      replicas: 1,
      leaseTermMs: 86_400_000,
      requestTimeoutMs: 5_000,
      patienceMs: 10_000,
    })
  })

  it('insists on TLS if a URL does', () => {
    expect(readSettings({ servers: [...servers, 'tls://10.0.0.6'] }).tls).toEqual({})
    expect(readSettings({ servers, tls: { caFile: '/ca.pem' } }).tls).toEqual({ caFile: '/ca.pem' })
  })

  it('asks for credentials again each time', () => {
    let asked = 0
    const { credentials } = readSettings({ servers, credentials: () => ({ token: `${++asked}` }) })
    expect([credentials?.(), credentials?.()]).toEqual([{ token: '1' }, { token: '2' }])
    const fixed = readSettings({ servers, credentials: { token: 'a' } })
    expect(fixed.credentials?.()).toEqual({ token: 'a' })
  })

  it.each<[string, Partial<NatsSubnetManagerOptions>, RegExp]>([
    ['no server', { servers: [] }, /servers is empty/],
    ['a server that is none', { servers: ['http://a'] }, /server 'http:\/\/a' must be nats or tls/],
    ['a bucket with a dot', { bucket: 'a.b' }, /bucket is 'a\.b', but may have only letters/],
    ['a domain with a dot', { domain: 'a.b' }, /domain is 'a\.b', but may have only letters/],
    ['two replicas', { replicas: 2 }, /replicas is 2, but must be 1, 3 or 5/],
    ['a short term', { leaseTermMs: 4_000 }, /leaseTermMs is 4000, but must be whole seconds/],
    ['half a second', { leaseTermMs: 5_500 }, /leaseTermMs is 5500, but must be whole seconds/],
    ['no time', { requestTimeoutMs: 0 }, /requestTimeoutMs is 0, but must be/],
    ['no patience', { patienceMs: Number.NaN }, /patienceMs is NaN, but must be/],
    ['an address that is none', { addresses: ['nats'] }, /addresses has 'nats', which is no IP address/],
    ['a certificate alone', { tls: { certFile: '/a' } }, /tls has a certificate without its key/],
    ['a key alone', { tls: { key: 'a' } }, /tls has a key without its certificate/],
    ['a CA twice', { tls: { ca: 'a', caFile: '/a' } }, /tls has ca and caFile; give one of them/],
  ])('refuses %s', (_, options, rule) => {
    const read = () => readSettings({ servers, ...options })
    expect(read).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    expect(read).toThrow(rule)
  })
})
