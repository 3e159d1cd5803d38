import { FakeClock } from '@selvedge/conformance'
import { OverlayError } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import {
  encodeNodeList,
  encodeWatchError,
  encodeWatchEvent,
  inChunks,
  type NodeFields,
} from '../../tests/support/encode.js'
import { ApiError } from './api-error.js'
import type { ApiRequest } from './kube-api.js'
import { type ApiStatus, NodeDecoder } from './node-codec.js'
import { type ReflectorEvent, type ReflectorOptions, reflectNodes } from './reflector.js'

interface Sent {
  readonly bytes: Buffer
  /** How long the answer stays open after that. */
  readonly openMs: number
  readonly ending?: Error | undefined
}

/** A scripted server's answer to one request. */
type Answer = Buffer | Error | Sent

/**
 * A reflector of a server that answers each list and each watch by the next line of a script, and each question for its
 * version by the next of `versions`, or by one that is later than all.
 */
function reflect(
  script: Answer[],
  { versions = [], ...options }: Partial<ReflectorOptions> & { versions?: Answer[] } = {},
) {
  const clock = new FakeClock()
  const requests: string[] = []
  const timeouts: number[] = []
  const events: string[] = []
  const failures: string[] = []
  const cuts: string[] = []
  const abort = new AbortController()

  /** Throws, or returns what the server sends. */
  function begin(request: ApiRequest): AsyncIterable<Buffer> {
    const query = decodeURIComponent(request.path.replace('/api/v1/nodes?', ''))
    const [, timeout] = /timeoutSeconds=(\d+)/.exec(query) ?? []
    if (timeout !== undefined) timeouts.push(Number(timeout))
    const asksVersion = query.startsWith('limit=1&') || query === 'limit=1'
    requests.push(asksVersion ? 'version' : query.replace(/timeoutSeconds=\d+/, 'timeoutSeconds=T'))
    const next = (asksVersion ? (versions.shift() ?? list('1000000')) : script.shift()) ?? open()
    if (next instanceof Error) throw next
    return Buffer.isBuffer(next) ? inChunks(next, 100) : sent(next, request.signal)
  }

  async function* sent(
    { bytes, openMs, ending }: Sent,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void, undefined> {
    yield* inChunks(bytes, 100)
    if (openMs > 0) await clock.sleep(openMs, { signal })
    if (ending !== undefined) throw ending
  }

  const running = (async () => {
    const reflected = reflectNodes({
      api: {
        read: async (request, reader) => reader(begin(request), fail),
        stream: async function* (request, reader) {
          yield* reader(begin(request), fail)
        },
      },
      decoder: new NodeDecoder('flannel.alpha.coreos.com/'),
      clock,
      random: () => 0.5,
      signal: abort.signal,
      firstList: { type: 'cached' },
      requestTimeoutMs: 10_000,
      watchIdleTimeoutMs: 90_000,
      observer: {
        heard: () => {},
        requested: () => {},
        failed: ({ message }) => failures.push(message),
        cut: ({ message }) => cuts.push(message),
      },
      ...options,
    })
    for await (const event of reflected) events.push(shown(event))
  })()
  return {
    clock,
    requests,
    timeouts,
    events,
    failures,
    cuts,
    stop: async () => {
      abort.abort()
      await running
    },
  }
}

const shown = (event: ReflectorEvent): string => {
  if (event.type === 'resumed') return 'resumed'
  if (event.type === 'list')
    return `list${event.historyWasLost ? ', of another history,' : ''} ${event.nodes.map(({ name }) => name).join(' ')}`.trim()
  return `${event.type} ${event.node.name}`
}

const list = (resourceVersion: string, names: string[] = [], next = '') =>
  encodeNodeList(
    names.map((name) => ({ name })),
    { resourceVersion, next },
  )
const event = (type: string, name: string, resourceVersion: string): Buffer =>
  encodeWatchEvent(type, { name, resourceVersion } satisfies NodeFields)
const open = (...events: Buffer[]): Answer => ({ bytes: Buffer.concat(events), openMs: 1e9 })
/** A watch that ends, or is cut, after so many ms. */
const ended = (openMs: number, events: Buffer[], ending?: Error): Answer => ({
  bytes: Buffer.concat(events),
  openMs,
  ending,
})
const watchFrom = (version: string) =>
  `watch=true&allowWatchBookmarks=true&timeoutSeconds=T&resourceVersion=${version}`

const refused = new OverlayError('STORE_UNAVAILABLE', 'connect ECONNREFUSED')
const cut = new OverlayError('STORE_UNAVAILABLE', 'aborted')
const fail = (status: ApiStatus) => new ApiError('watching', status)
const gone = (code = 410) =>
  new ApiError('watching', { code, reason: 'Expired', message: 'too old resource version' })

describe('a reflector', () => {
  test('lists from memory, then watches from there', async () => {
    const { clock, requests, events, stop } = reflect([
      list('10', ['a', 'b']),
      open(event('ADDED', 'c', '11'), event('MODIFIED', 'a', '12'), event('DELETED', 'b', '13')),
    ])
    await clock.settle()
    expect(requests).toEqual(['limit=500&resourceVersion=0', watchFrom('10')])
    expect(events).toEqual(['list a b', 'put c', 'put a', 'delete b'])
    await stop()
  })

  test('never lists anything older than what this node has seen', async () => {
    const { clock, requests, stop } = reflect([list('10')], { firstList: { type: 'cached', notBefore: '9' } })
    await clock.settle()
    expect(requests[0]).toBe('resourceVersion=9&resourceVersionMatch=NotOlderThan')
    await stop()
  })

  test('reads etcd in pages, and follows only one node, if asked to', async () => {
    const { clock, requests, events, stop } = reflect(
      [list('10', ['a'], 'page 2'), list('10', ['b']), open()],
      {
        firstList: { type: 'quorum' },
        only: 'worker-1',
      },
    )
    await clock.settle()
    expect(requests).toEqual([
      'limit=500&fieldSelector=metadata.name=worker-1',
      'limit=500&continue=page+2&fieldSelector=metadata.name=worker-1',
      `${watchFrom('10')}&fieldSelector=metadata.name=worker-1`,
    ])
    expect(events).toEqual(['list a b'])
    await stop()
  })

  test('requests the next page from a server that pages its memory by the token only', async () => {
    const { clock, requests, stop } = reflect([list('10', ['a'], 'page 2'), list('10', ['b']), open()])
    await clock.settle()
    expect(requests.slice(0, 2)).toEqual(['limit=500&resourceVersion=0', 'limit=500&continue=page+2'])
    await stop()
  })

  test('continues after the last event or bookmark when a watch ends', async () => {
    const { clock, requests, events, failures, stop } = reflect([
      list('10'),
      ended(1_000, [event('ADDED', 'a', '11')]),
      ended(1_000, [event('BOOKMARK', '', '20')]),
      open(event('MODIFIED', 'a', '21')),
    ])
    await clock.advance(2_000)
    const restarts = [watchFrom('11'), watchFrom('20')].flatMap((watch) => ['version', watch])
    expect(requests.slice(1)).toEqual([watchFrom('10'), ...restarts])
    expect(events).toEqual(['list', 'put a', 'put a'])
    expect(failures).toEqual([])
    await stop()
  })

  test('requests watches of 5 to 10 minutes, drawn each time', async () => {
    const drawn = [0, 0.5, 0.999]
    const script = [list('10'), ended(1_000, []), ended(1_000, []), open()]
    const { clock, timeouts, stop } = reflect(script, { random: () => drawn.shift() ?? 0 })
    await clock.advance(2_000)
    expect(timeouts).toEqual([300, 450, 599])
    await stop()
  })

  test('retries with growing delays while the server is away, then continues where it was', async () => {
    const { clock, requests, events, failures, stop } = reflect(
      [list('10', ['a']), ended(1_000, [event('MODIFIED', 'a', '11')], cut), open(event('ADDED', 'b', '12'))],
      { versions: [refused, refused, refused, refused, list('15')] },
    )
    await clock.advance(999)
    expect(requests).toHaveLength(2)
    await clock.advance(1)
    const delays: number[] = []
    for (let retry = 0; retry < 4; retry += 1) {
      delays.push(clock.pending[0]?.milliseconds ?? 0)
      await clock.advance(delays[retry] ?? 0)
    }
    expect(delays).toEqual([375, 750, 1500, 3000])
    expect(requests.slice(2)).toEqual([...Array(5).fill('version'), watchFrom('11')])
    expect(failures).toEqual(Array(4).fill('connect ECONNREFUSED'))
    expect(events).toEqual(['list a', 'put a', 'resumed', 'put b'])
    await stop()
  })

  test.each([
    ['an error event', encodeWatchError(410, 'Expired', 'too old resource version: 10 (20)')],
    ['an answer', gone()],
  ])(
    'lists again, not older than what it saw, after a 410 as %s, and reports no failure',
    async (_, answer) => {
      const { clock, requests, events, failures, stop } = reflect([
        list('10', ['a']),
        ended(1_000, [event('ADDED', 'b', '11')]),
        answer,
        list('30', ['b', 'c']),
        open(),
      ])
      await clock.advance(1_500)
      expect(requests.slice(2)).toEqual([
        'version',
        watchFrom('11'),
        'resourceVersion=11&resourceVersionMatch=NotOlderThan',
        watchFrom('30'),
      ])
      expect(events).toEqual(['list a', 'put b', 'list b c'])
      expect(failures).toEqual([])
      await stop()
    },
  )

  test.each([
    ['an event', event('MODIFIED', 'a', '9')],
    ['a bookmark', event('BOOKMARK', '', '9')],
  ])('lists again if %s shows that the history went back', async (_, older) => {
    const { clock, requests, events, stop } = reflect([
      list('10', ['a']),
      open(older),
      new ApiError('listing', { code: 504, reason: 'Timeout', message: 'Too large resource version' }),
      list('9', ['b']),
      open(),
    ])
    await clock.advance(500)
    expect(requests.slice(2)).toEqual([
      'resourceVersion=10&resourceVersionMatch=NotOlderThan',
      'limit=500',
      watchFrom('9'),
    ])
    expect(events).toEqual(['list a', 'list, of another history, b'])
    await stop()
  })

  test.each<[when: string, versions: Answer[], asked: string[]]>([
    ['after an outage', [refused, list('3')], ['version', 'version']],
    ['after a watch that was merely cut', [list('3')], ['version']],
  ])(
    'lists again if the server has an older version %s: what is missing may be there still',
    async (_, versions, asked) => {
      const tooLarge = { code: 504, reason: 'Timeout', message: 'Too large resource version' }
      const { clock, requests, events, stop } = reflect(
        [
          list('10', ['a', 'b']),
          ended(1_000, [], cut),
          new ApiError('listing', tooLarge),
          list('4', ['b']),
          open(event('ADDED', 'a', '5')),
        ],
        { versions },
      )
      await clock.advance(1_375)
      expect(requests.slice(2)).toEqual([
        ...asked,
        'resourceVersion=10&resourceVersionMatch=NotOlderThan',
        'limit=500',
        watchFrom('4'),
      ])
      expect(events).toEqual(['list a b', 'list, of another history, b', 'put a'])
      await stop()
    },
  )

  test('reports a history that is gone repeatedly, and lists with growing delays', async () => {
    const { clock, requests, failures, stop } = reflect([
      list('10'),
      gone(),
      list('11'),
      gone(),
      list('12'),
      gone(),
      list('13'),
    ])
    await clock.advance(60_000)
    expect(requests.filter((path) => path.startsWith('resourceVersion'))).toHaveLength(3)
    expect(failures).toHaveLength(2)
    await stop()
  })

  test.each([410, 504])('lists from etcd if memory does not hold what was seen (%i)', async (code) => {
    const { clock, requests, events, stop } = reflect([
      list('10', ['a']),
      gone(),
      gone(code),
      list('5', ['z']),
      open(),
    ])
    await clock.advance(500)
    expect(requests.slice(2)).toEqual([
      'resourceVersion=10&resourceVersionMatch=NotOlderThan',
      'limit=500',
      watchFrom('5'),
    ])
    expect(events).toEqual(['list a', 'list, of another history, z'])
    await stop()
  })

  test('waits as long as a busy server asks for', async () => {
    const busy = new ApiError('listing', { code: 429, reason: 'TooManyRequests', message: '' }, 7_000)
    const { clock, requests, stop } = reflect([busy, list('10')])
    await clock.advance(6_999)
    expect(requests).toHaveLength(1)
    await clock.advance(1)
    expect(requests).toHaveLength(3)
    await stop()
  })

  test('restarts a watch at once, and reports no failure, if it is cut after a second', async () => {
    const { clock, requests, events, failures, cuts, stop } = reflect([
      list('10'),
      ...Array<Answer>(20).fill(ended(1_000, [], cut)),
      open(event('ADDED', 'a', '11')),
    ])
    await clock.advance(20_000)
    const watches = requests.filter((request) => request.startsWith('watch'))
    expect(watches).toHaveLength(21)
    expect(requests).toHaveLength(42)
    expect(events).toEqual(['list', 'put a'])
    expect([failures, cuts]).toEqual([[], Array(20).fill('aborted')])
    await stop()
  })

  test.each<[what: string, openMs: number, watch: (version: number) => Answer]>([
    ['ends', 0, () => ended(0, [])],
    ['ends after an event', 0, (version) => ended(0, [event('MODIFIED', 'a', String(version))])],
    ['is cut', 999, () => ended(999, [], cut)],
  ])(
    'restarts watches with growing delays if each %s within a second, and reports it from the second on',
    async (_, openMs, watch) => {
      const script = [list('10'), ...Array.from({ length: 1_000 }, (_, index) => watch(11 + index))]
      const { clock, requests, failures, stop } = reflect(script)
      await clock.advance(openMs + 374)
      expect([requests.length, failures.length]).toEqual([2, 0])
      await clock.advance(openMs + 1)
      expect([requests.length, failures.length]).toEqual([4, 1])
      await clock.advance(60_000)
      expect(requests.length).toBeLessThan(22)
      expect(failures[0]).toContain('end as soon as they have begun')
      await stop()
    },
  )

  test('retries with growing delays if each watch begins with an error', async () => {
    const broken = encodeWatchError(500, 'InternalError', 'etcd event received with nil')
    const { clock, requests, failures, stop } = reflect([list('10'), ...Array<Answer>(1_000).fill(broken)])
    await clock.advance(60_000)
    expect(requests.length).toBeLessThan(22)
    expect(failures[0]).toContain('500 InternalError')
    await stop()
  })

  test('refuses a list that goes on for ever', async () => {
    const { clock, requests, failures, stop } = reflect(Array<Answer>(2_000).fill(list('10', [], 'next')))
    await clock.settle()
    expect(requests).toHaveLength(1_000)
    expect(failures).toEqual([expect.stringContaining('1000 pages')])
    await stop()
  })

  test('recovers from an answer that cannot be decoded', async () => {
    const { clock, events, failures, stop } = reflect([Buffer.from('<html>'), list('10', ['a']), open()])
    await clock.advance(500)
    expect(failures).toHaveLength(1)
    expect(events).toEqual(['list a'])
    await stop()
  })

  test('has one pending request at a time', async () => {
    const { clock, requests, stop } = reflect([list('10'), open()])
    await clock.advance(3_600_000)
    expect(requests).toHaveLength(2)
    await stop()
  })
})
