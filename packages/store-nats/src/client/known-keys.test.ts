import type { Clock } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import type { BucketState } from './bucket.js'
import type { Entry } from './entry.js'
import { KnownKeys } from './known-keys.js'

const MINUTE = 60_000

/** The server's clock when the test begins, far from this host's. */
const SERVER = 1_700_000_000_000

function known(maxAgeMs = 0) {
  let now = 5_000
  const clock = { monotonic: () => now } as Clock
  const keys = new KnownKeys(clock)
  const state = (changes: Partial<BucketState> = {}): BucketState => ({
    ...{ id: 'a', lastSeq: 3, firstSeq: 1, keys: 2, maxAgeMs, hasTtlPerKey: maxAgeMs === 0 },
    ...changes,
  })
  const advance = (ms: number): void => {
    now += ms
  }
  return { keys, state, advance }
}

const entry = (key: string, seq: number, changes: Partial<Entry> = {}): Entry => ({
  ...{ key, seq, storedAt: SERVER, value: 'text', created: seq, ttlMs: undefined },
  ...changes,
})

const TWO = [entry('a', 2), entry('b', 3)]

describe('a watch that begins again', () => {
  it('needs a list at first, and none after that', () => {
    const { keys, state } = known()
    expect(keys.allows(state())).toBe(false)
    keys.reset(state(), TWO, SERVER)
    expect(keys.allows(state())).toBe(true)
    expect(keys.allows(state({ lastSeq: 9 }))).toBe(true)
    expect(keys.seq).toBe(3)
  })

  it.each([
    ['is another one', { id: 'b' }],
    ['has gone back', { lastSeq: 2 }],
    ['was purged', { firstSeq: 4, keys: 0 }],
  ])('lists if the bucket %s', (_, changes) => {
    const { keys, state } = known()
    keys.reset(state(), TWO, SERVER)
    expect(keys.allows(state(changes))).toBe(false)
    expect(keys.contradicts(state(changes))).toBe(true)
  })

  it('lists if the marks of deleted keys may be gone: after half the age limit, or half an hour', () => {
    for (const [maxAgeMs, enough] of [
      [0, 30 * MINUTE],
      [MINUTE, MINUTE / 2],
    ] as const) {
      const { keys, state, advance } = known(maxAgeMs)
      keys.reset(state(), TWO, SERVER)
      advance(enough - 1)
      expect(keys.allows(state())).toBe(true)
      advance(1)
      expect(keys.allows(state())).toBe(false)
      keys.touch()
      expect(keys.allows(state())).toBe(true)
    }
  })

  it('takes a bucket whose keys have all ended for the same', () => {
    const { keys, state, advance } = known(MINUTE)
    keys.reset(state(), TWO, SERVER)
    advance(MINUTE)
    expect(keys.contradicts(state({ firstSeq: 4, keys: 0 }))).toBe(false)
  })
})

describe('a bucket that holds less than it should', () => {
  it('is one of whose keys some are missing although no change is on its way', () => {
    const { keys, state } = known()
    keys.reset(state(), TWO, SERVER)
    expect(keys.lacks(state())).toBe(false)
    expect(keys.lacks(state({ keys: 1 }))).toBe(true)
    expect(keys.lacks(state({ keys: 1, lastSeq: 4 })), 'a change is on its way').toBe(false)
  })

  it('is not one whose keys were deleted, or end soon', () => {
    const { keys, state, advance } = known(MINUTE)
    keys.reset(state(), TWO, SERVER)
    keys.add([entry('a', 4, { value: undefined })])
    expect(keys.lacks(state({ lastSeq: 4, keys: 1 }))).toBe(false)
    advance(MINUTE - 5_000)
    expect(keys.lacks(state({ lastSeq: 4, keys: 0 }))).toBe(false)
  })
})

describe('keys whose time is over', () => {
  it('are due by the clock of the server, the deleted ones excepted', () => {
    const { keys, state, advance } = known(MINUTE)
    keys.reset(state(), [...TWO, entry('c', 4, { value: undefined })], SERVER)
    expect(keys.nextEndInMs).toBe(MINUTE)
    expect(keys.due()).toEqual([])
    advance(MINUTE)
    expect(keys.due()).toEqual([
      { key: 'a', seq: 2 },
      { key: 'b', seq: 3 },
    ])
    keys.drop('a')
    expect(keys.due()).toEqual([{ key: 'b', seq: 3 }])
    expect(keys.size).toBe(1)
  })

  it('have an end of their own, or none', () => {
    const { keys, state, advance } = known()
    keys.reset(state(), [entry('for ever', 2), entry('a', 3, { ttlMs: MINUTE })], SERVER)
    expect(keys.nextEndInMs).toBe(MINUTE)
    advance(MINUTE)
    expect(keys.due()).toEqual([{ key: 'a', seq: 3 }])
  })

  it('last again if they are written again', () => {
    const { keys, state, advance } = known(MINUTE)
    keys.reset(state(), TWO, SERVER)
    advance(MINUTE / 2)
    keys.add([entry('a', 4, { storedAt: SERVER + MINUTE / 2 })])
    advance(MINUTE / 2)
    expect(keys.due()).toEqual([{ key: 'b', seq: 3 }])
  })
})

it('a bucket that is gone is forgotten, once', () => {
  const { keys, state } = known()
  expect(keys.forget()).toBe(false)
  keys.reset(state(), TWO, SERVER)
  expect(keys.forget()).toBe(true)
  expect(keys.forget()).toBe(false)
  expect([keys.size, keys.seq]).toEqual([0, 0])
})
