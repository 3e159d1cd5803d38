import { describe, expect, it } from 'vitest'
import { hostAndPort, parseServer } from './server-url.js'

describe('a server', () => {
  it.each([
    ['nats://10.0.0.5:4222', 'nats://10.0.0.5:4222', '10.0.0.5', 4222],
    ['10.0.0.5', 'nats://10.0.0.5:4222', '10.0.0.5', 4222],
    ['TLS://nats.example.com/', 'tls://nats.example.com:4222', 'nats.example.com', 4222],
    ['tls://[fd00::5]:443', 'tls://[fd00::5]:443', 'fd00::5', 443],
    ['[fd00::5]', 'nats://[fd00::5]:4222', 'fd00::5', 4222],
  ])('%s is %s', (text, url, host, port) => {
    expect(parseServer(text)).toEqual({ url, host, port, secure: url.startsWith('tls') })
    expect(url).toContain(hostAndPort(host, port))
  })

  it.each(['', 'http://10.0.0.5', 'nats://10.0.0.5:99999', 'nats://10.0.0.5/path', 'fd00::5', 'nats://a b'])(
    '%j is none',
    (text) => {
      expect(() => parseServer(text)).toThrow(/must be nats or tls, a host and a port/)
    },
  )

  it('with a user and a password is refused without quoting them', () => {
    const read = () => parseServer('nats://node:hunter22@10.0.0.5')
    expect(read).toThrow(/server '10\.0\.0\.5' .*; give user and password as credentials/)
    expect(read).not.toThrow(/hunter22/)
  })
})
