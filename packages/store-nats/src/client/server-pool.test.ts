import { describe, expect, it } from 'vitest'
import { ServerPool } from './server-pool.js'
import { parseServer } from './server-url.js'

const pool = (...urls: string[]) => new ServerPool(urls.map(parseServer), () => 0.5)
const hosts = (servers: ServerPool) => servers.inOrder().map(({ host }) => host)

describe('the servers of a cluster', () => {
  it('come in a random order', () => {
    const numbers = [0.9, 0.1, 0.5]
    const servers = new ServerPool(
      ['a', 'b', 'c'].map((name) => parseServer(name)),
      () => numbers.shift() ?? 0,
    )
    expect(hosts(servers)).toEqual(['b', 'c', 'a'])
  })

  it('begin with others than the one that failed last', () => {
    const servers = pool('a', 'b', 'c')
    const [first] = servers.inOrder()
    if (first === undefined) throw new TypeError('there are servers')
    servers.failed(first)
    expect(hosts(servers)).toEqual(['b', 'c', 'a'])
  })

  it('that a server named come after those of the options, and before the one that failed last', () => {
    const servers = pool('a', 'b')
    servers.learn(parseServer('a'), ['10.0.0.6:4222'])
    expect(hosts(servers)).toEqual(['a', 'b', '10.0.0.6'])
    servers.failed(parseServer('a'))
    expect(hosts(servers)).toEqual(['b', '10.0.0.6', 'a'])
  })

  it('are those that a server named last, besides those of the options', () => {
    const servers = pool('10.0.0.5')
    servers.learn(parseServer('10.0.0.5'), ['10.0.0.5:4222', '10.0.0.6:4222', '[fd00::7]:4222'])
    expect(hosts(servers)).toEqual(['10.0.0.5', '10.0.0.6', 'fd00::7'])
    servers.learn(parseServer('10.0.0.5'), ['10.0.0.5:4222', '10.0.0.8:4222', 'not a server'])
    expect(hosts(servers)).toEqual(['10.0.0.5', '10.0.0.8'])
  })

  it('that were learned from one with a name have a certificate for that name; else for their address', () => {
    const named = pool('tls://nats.example.com')
    named.learn(parseServer('tls://nats.example.com'), ['10.0.0.6:4222'])
    const [, learned] = named.inOrder()
    expect(learned).toMatchObject({ host: '10.0.0.6', secure: true, certificateName: 'nats.example.com' })
    if (learned === undefined) throw new TypeError('it was learned')
    // One of those names others in its turn.
    named.learn(learned, ['10.0.0.7:4222'])
    expect(named.inOrder()[1]).toMatchObject({ host: '10.0.0.7', certificateName: 'nats.example.com' })
    const byAddress = pool('tls://10.0.0.5')
    byAddress.learn(parseServer('tls://10.0.0.5'), ['10.0.0.6:4222'])
    expect(byAddress.inOrder()[1]).toMatchObject({ host: '10.0.0.6', certificateName: undefined })
  })
})
