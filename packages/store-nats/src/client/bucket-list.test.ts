import { systemClock } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import type { Bucket, BucketState } from './bucket.js'
import { BucketList } from './bucket-list.js'
import type { Delivery } from './delivery.js'
import type { Entry } from './entry.js'
import type { Session } from './session.js'

const STATE: BucketState = { id: 'a', lastSeq: 2, firstSeq: 1, keys: 2, maxAgeMs: 0, hasTtlPerKey: true }

const entry = (key: string, seq: number): Entry => ({
  ...{ key, seq, storedAt: 0, value: '', created: seq, ttlMs: undefined },
})

/** The list of the keys a and b, and what is delivered after it; `'silent'` and `'ended'` say how that goes on. */
async function listThen(later: readonly Entry[], then: 'silent' | 'ended' = 'silent'): Promise<BucketList> {
  const batches = [later]
  const delivery: Delivery = {
    pending: 2,
    startedAt: 500,
    hasEnded: false,
    next: async (signal) => {
      const batch = batches.shift()
      if (batch !== undefined && batch.length > 0) return batch
      if (then === 'ended') throw new Error('the connection broke')
      await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      return []
    },
    close: () => {},
  }
  const entries = [entry('a', 1), entry('b', 2)]
  const bucket = { list: async () => ({ entries, delivery }) } as unknown as Bucket
  const from = { lastSeq: STATE.lastSeq, clock: systemClock }
  return BucketList.open({} as Session, bucket, from, new AbortController().signal)
}

describe('a list of a bucket', () => {
  it('goes on with what was written since: the last message of each key', async () => {
    const list = await listThen([entry('c', 3), entry('a', 4), entry('c', 5)])
    expect(list.listedSeq).toBe(2)
    expect(await list.until(5, 10_000)).toEqual([entry('c', 5), entry('a', 4)])
    expect([...list.entries.values()]).toEqual([entry('b', 2), entry('a', 4), entry('c', 5)])
  })

  it('has nothing to wait for if nothing was written', async () => {
    const list = await listThen([])
    expect(await list.until(2, 10_000)).toEqual([])
  })

  it('says that a message is missing: another of its key has replaced it before it was sent', async () => {
    const list = await listThen([entry('c', 4), entry('d', 5)])
    expect(await list.until(4, 10_000)).toBeUndefined()
    expect(list.seq).toBe(5)
  })

  it('is caught up with what the bucket says, unless that is one that was made since', async () => {
    const list = await listThen([entry('c', 3)])
    const later = { ...STATE, id: '1970-01-01T00:00:01Z', lastSeq: 3 }
    expect(await list.catchUp(later, 10)).toBe(false)
    expect(list.state).toBeUndefined()
    const current = { ...later, id: '1970-01-01T00:00:00Z' }
    expect(await list.catchUp(current, 10_000)).toBe(true)
    expect(list.state).toBe(current)
    expect([...list.entries.keys()]).toEqual(['a', 'b', 'c'])
  })

  it.for(['silent', 'ended'] as const)(
    'says that it is not up to date if its delivery is %s',
    async (then) => {
      const list = await listThen([entry('c', 3)], then)
      expect(await list.until(4, 10)).toBeUndefined()
      expect(list.seq).toBe(3)
    },
  )
})
