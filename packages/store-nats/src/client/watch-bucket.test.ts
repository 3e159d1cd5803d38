import { getEventListeners } from 'node:events'
import { systemClock } from '@selvedge/core/kit'
import { expect, it } from 'vitest'
import type { Bucket, BucketState } from './bucket.js'
import type { Connection, Work } from './connection.js'
import type { Delivery } from './delivery.js'
import type { Entry } from './entry.js'
import type { Session } from './session.js'
import { watchBucket } from './watch-bucket.js'

const STATE: BucketState = { id: 'a', lastSeq: 0, firstSeq: 1, keys: 0, maxAgeMs: 0, hasTtlPerKey: true }

const entry = (seq: number): Entry => ({
  ...{ key: `subnets.${seq}`, seq, storedAt: 0, value: '', created: seq, ttlMs: undefined },
})

it('a watch leaves nothing with its signal, however much it reports', async () => {
  const abort = new AbortController()
  let seq = 0
  const delivery: Delivery = {
    pending: 0,
    startedAt: 0,
    hasEnded: false,
    // Each change comes while the watch waits.
    next: async () => {
      await new Promise((resolve) => setImmediate(resolve))
      seq += 1
      return [entry(seq)]
    },
    close: () => {},
  }
  const bucket = {
    state: async () => STATE,
    list: async () => ({ entries: [], delivery }),
  } as unknown as Bucket
  const connection = {
    call: <T>(_: unknown, work: Work<T>) => work({} as Session, abort.signal),
  } as unknown as Connection
  const updates = watchBucket(connection, bucket, {
    ...{ signal: abort.signal, attempted: 'watching', listTimeoutMs: 1_000, onError: () => {} },
    ...{ clock: systemClock, random: () => 0.5 },
  })
  let changes = 0
  let mostListeners = 0
  for await (const { type } of updates) {
    if (type === 'changes') changes += 1
    mostListeners = Math.max(mostListeners, getEventListeners(abort.signal, 'abort').length)
    if (changes === 500) break
  }
  expect(mostListeners).toBeLessThanOrEqual(1)
  expect(getEventListeners(abort.signal, 'abort')).toEqual([])
})
