import { FakeClock } from '@selvedge/conformance'
import { OverlayError } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { AdvertisedAddress } from './advertised-address.js'

/** An API server that answers what it is given. */
function setUp(answers: (() => unknown)[]) {
  const clock = new FakeClock()
  const learned: string[] = []
  const details: string[] = []
  const api = {
    connections: 1,
    asked: 0,
    addAddress: (address: string) => void learned.push(address),
    async fetchJson({ path }: { path: string }) {
      expect(path).toBe('/api')
      this.asked += 1
      return answers.shift()?.()
    },
  }
  const advertised = new AdvertisedAddress({
    api,
    clock,
    timeoutMs: 10_000,
    onUnknown: (message) => details.push(message),
    resolve: async (name) => {
      if (name === 'kube.example') return ['10.0.0.7', 'fd77::7']
      if (name === 'slow.example') return new Promise(() => {})
      throw new Error(`getaddrinfo ENOTFOUND ${name}`)
    },
  })
  const { signal } = new AbortController()
  return { clock, learned, details, api, ask: () => advertised.ask(signal) }
}

const advertising = (...addresses: unknown[]) => ({
  kind: 'APIVersions',
  serverAddressByClientCIDRs: addresses.map((serverAddress) => ({ clientCIDR: '0.0.0.0/0', serverAddress })),
})

describe('the address that an API server advertises', () => {
  test.each<[what: string, answer: unknown, learned: string[]]>([
    ['IPv4', advertising('192.168.77.254:6443'), ['192.168.77.254']],
    ['IPv6', advertising('[fd77::fe]:6443'), ['fd77::fe']],
    [
      'one for each network of clients',
      advertising('10.0.0.5:6443', '10.96.0.1:443'),
      ['10.0.0.5', '10.96.0.1'],
    ],
    ['no text', advertising(5, null, {}), []],
    ['more than are believed', advertising(...Array(1_000).fill('10.0.0.5:1')), ['10.0.0.5']],
    ['IPv6 without a port', advertising('fd77::5'), ['fd77::5']],
    ['a name', advertising('kube.example:6443'), ['10.0.0.7', 'fd77::7']],
    ['none', { kind: 'APIVersions' }, []],
    ['no object', 'nonsense', []],
  ])('%s', async (_, answer, learned) => {
    const server = setUp([() => answer])
    await server.ask()
    expect([server.learned, server.details]).toEqual([learned, []])
  })

  test('is asked for once, and a minute later if there are other connections', async () => {
    const server = setUp([() => advertising('10.0.0.5:6443'), () => advertising('10.0.0.6:6443')])
    await Promise.all([server.ask(), server.ask()])
    server.api.connections += 1
    await server.ask()
    expect(server.learned).toEqual(['10.0.0.5'])
    await server.clock.advance(60_000)
    await server.ask()
    await server.clock.advance(60_000)
    await server.ask()
    expect([server.api.asked, server.learned]).toEqual([2, ['10.0.0.5', '10.0.0.6']])
  })

  test('stays unknown if the server does not say it: a detail, and asked again a minute later', async () => {
    const server = setUp([
      () => {
        throw new OverlayError('ACCESS_DENIED', '403 Forbidden')
      },
      () => advertising('10.0.0.5:6443'),
    ])
    await server.ask()
    await server.ask()
    expect([server.api.asked, server.details]).toEqual([1, [expect.stringContaining('403 Forbidden')]])
    await server.clock.advance(60_000)
    await server.ask()
    expect(server.learned).toEqual(['10.0.0.5'])
  })

  test.each([
    ['does not resolve', 'no.example', 'advertises the name no.example, which does not resolve: getaddrinfo'],
    [
      'is not answered for in time',
      'slow.example',
      'slow.example, which does not resolve: no answer for 2 s',
    ],
    ['would move a terminal', 'x\u001b[2J', 'the name x\\u001b[2J, which'],
  ])('that is a name which %s: a detail, and the others are known', async (_, name, detail) => {
    const server = setUp([() => advertising(`${name}:6443`, '10.0.0.5:6443')])
    const asking = server.ask()
    await server.clock.advance(2_000)
    await asking
    expect([server.learned, server.details]).toEqual([['10.0.0.5'], [expect.stringContaining(detail)]])
    await server.clock.advance(60_000)
    void server.ask()
    expect(server.api.asked, 'asked again').toBe(2)
  })
})
