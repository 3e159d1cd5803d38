import { expect, test } from 'vitest'
import type { PeerRow, SnapshotEvent, Summary } from './browser/feed.js'
import { type Feed, fromSnapshot, withChange } from './browser/feed.js'
import { EventLog } from './event-log.js'

const summary: Summary = {
  version: '1',
  host: 'a',
  store: { name: 'etcd', connected: true, fromCache: false },
  kernel: { inSync: true, desired: 0, actual: 0, failed: 0, failures: [] },
  configDifferences: [],
  drift: { total: 0, last: [], minutes: [] },
  syncs: [],
  events: [],
  peerCount: 0,
}
const peer = (n: number, drift = 0): PeerRow => ({
  key: `10.0.${n}.0-24`,
  subnets: [`10.0.${n}.0/24`],
  addresses: [`192.0.2.${n}`],
  backend: 'vxlan',
  path: 'tunnel',
  failing: 0,
  drift,
})
const state = (...peers: PeerRow[]): SnapshotEvent => ({ summary, peers })

/** As a browser reads it. */
function events(text: string) {
  return text
    .split('\n\n')
    .filter(Boolean)
    .map((event) => {
      const fields = Object.fromEntries(event.split('\n').map((line) => line.split(/: (.*)/s)))
      return { id: String(fields.id), event: String(fields.event), data: JSON.parse(fields.data) }
    })
}
function read(feed: Feed | undefined, text: string): Feed | undefined {
  return events(text).reduce<Feed | undefined>(
    (known, { event, data }) =>
      event === 'snapshot' || !known ? fromSnapshot(data) : withChange(known, data),
    feed,
  )
}

test('a new client gets everything once, then only what changes', () => {
  const log = new EventLog('e')
  log.record(state(peer(1), peer(2)))
  const first = log.since(undefined)
  expect(events(first).map(({ event }) => event)).toEqual(['snapshot'])
  expect(log.since(log.number)).toBe('')

  log.record(state(peer(1), peer(2)))
  expect(log.since(1)).toBe('')

  log.record(state(peer(1, 1), peer(3)))
  const [change] = events(log.since(1))
  expect(change).toEqual({
    id: 'e-2',
    event: 'change',
    data: { put: [peer(1, 1), peer(3)], gone: [peer(2).key] },
  })
  expect([...(read(read(undefined, first), log.since(1))?.peers.values() ?? [])]).toEqual([
    peer(1, 1),
    peer(3),
  ])
})

test('a client that comes back gets what it missed; one that was away too long, or knows another agent, everything', () => {
  const log = new EventLog('e')
  log.record(state())
  for (let n = 1; n <= 100; n += 1) log.record(state(...Array.from({ length: n }, (_, i) => peer(i))))
  expect(events(log.since(log.numberOf('e-99'))).map(({ id }) => id)).toEqual(['e-100', 'e-101'])
  expect(events(log.since(log.numberOf('e-2'))).map(({ event }) => event)).toEqual(['snapshot'])
  for (const id of ['f-99', 'e-', 'e-999999999999999999', '', '\n', `${'e'.repeat(5000)}-1`, undefined]) {
    expect(log.numberOf(id), id).toBeUndefined()
  }
  // A number that has not been: a client cannot make it fail.
  expect(events(log.since(500)).map(({ event }) => event)).toEqual(['snapshot'])
})

test('what is kept for those that come back is bounded in bytes too', () => {
  const log = new EventLog('e')
  const many = (drift: number) => state(...Array.from({ length: 10_000 }, (_, n) => peer(n, drift)))
  log.record(state())
  for (let drift = 1; drift <= 8; drift += 1) log.record(many(drift))
  expect(events(log.since(2)).map(({ event }) => event)).toEqual(['snapshot'])
  expect(events(log.since(8)).map(({ event }) => event)).toEqual(['change'])
})
