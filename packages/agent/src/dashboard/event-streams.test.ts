import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { gunzipSync } from 'node:zlib'
import { FakeClock } from '@selvedge/conformance'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { SnapshotEvent } from './browser/feed.js'
import { EventStreams } from './event-streams.js'

let clock: FakeClock
let streams: EventStreams
let version: number
let looks: number

beforeEach(() => {
  clock = new FakeClock()
  version = 1
  looks = 0
  const look = async () => {
    looks += 1
    return { summary: { version: `${version}` }, peers: [] } as unknown as SnapshotEvent
  }
  streams = new EventStreams({ look, clock, epoch: 'e' })
})
afterEach(() => streams[Symbol.dispose]())

/** The end of a response that a client reads, or, if it is slow, never takes anything of. */
function client({ slow = false, lastEventId = undefined as string | undefined, compress = false } = {}) {
  const chunks: Buffer[] = []
  const response = new Writable({
    write: (chunk, _, done) => {
      chunks.push(Buffer.from(chunk))
      if (!slow) done()
    },
  })
  streams.add(response as ServerResponse, { lastEventId, compress })
  return { response, text: () => Buffer.concat(chunks).toString(), bytes: () => Buffer.concat(chunks) }
}

/** A second passes, and what is due by then is done. */
const second = () => clock.advance(1_000)

test('a client gets the state, each change, and a heartbeat while there is none', async () => {
  const one = client()
  await vi.waitFor(() => expect(one.text()).toContain('event: snapshot'))
  version = 2
  await second()
  await vi.waitFor(() => expect(one.text()).toMatch(/id: e-2\nevent: change\ndata: .*"version":"2"/))
  await second()
  await second()
  await vi.waitFor(() => expect(one.text()).toContain('event: beat'))
  expect(one.text().match(/event: snapshot/g)).toHaveLength(1)
})

test('one that comes back goes on where it was', async () => {
  const first = client()
  await vi.waitFor(() => expect(first.text()).toContain('id: e-1'))
  version = 2
  await second()
  const back = client({ lastEventId: 'e-1' })
  await second()
  await vi.waitFor(() => expect(back.text()).toContain('id: e-2'))
  expect(back.text()).not.toContain('snapshot')
})

test('one that takes nothing is sent nothing more, and let go after 5 s; the others are served', async () => {
  const slow = client({ slow: true })
  const quick = client()
  for (let n = 0; n < 8; n += 1) {
    version += 1
    await second()
  }
  await vi.waitFor(() => expect(slow.response.destroyed).toBe(true))
  expect(slow.text()).toContain('event: snapshot')
  expect(slow.text()).not.toContain('event: change')
  expect(quick.response.destroyed).toBe(false)
  await vi.waitFor(() => expect(quick.text()).toContain('"version":"9"'))
})

test('there are at most 16, and one that leaves makes room', () => {
  const clients = Array.from({ length: 16 }, () => client())
  expect(streams.isFull).toBe(true)
  clients[0]?.response.emit('close')
  expect(streams.isFull).toBe(false)
})

test('nothing is looked at once the last has left', async () => {
  const one = client()
  await vi.waitFor(() => expect(looks).toBe(1))
  one.response.destroy()
  await vi.waitFor(() => expect(one.response.closed).toBe(true))
  await second()
  await second()
  await second()
  expect(looks).toBe(1)
})

test('what is compressed arrives at once, not when the stream ends', async () => {
  const one = client({ compress: true })
  await vi.waitFor(() =>
    expect(gunzipSync(one.bytes(), { finishFlush: 2 }).toString()).toContain('event: snapshot'),
  )
})
