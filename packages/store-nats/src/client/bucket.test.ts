import { describe, expect, it } from 'vitest'
import { Bucket } from './bucket.js'
import { NatsFailure } from './errors.js'
import type { Session } from './session.js'

const info = (created: string): object => ({
  created,
  state: { messages: 2, first_seq: 3, last_seq: 4, num_subjects: 2 },
  config: { max_age: 1e9, allow_msg_ttl: true },
})

/** What the server says of the bucket, each time it is asked: the last of it again and again. */
function sessionWith(...answers: readonly (string | Error)[]): Session {
  const left = [...answers]
  const streams = {
    info: async () => {
      const answer = left.length > 1 ? left.shift() : left[0]
      if (answer instanceof Error) throw answer
      return info(String(answer))
    },
  }
  return { jsm: { streams } } as unknown as Session
}

const BEING_MADE = '0001-01-01T00:00:00Z'

describe('the state of a bucket', () => {
  it('is what the server says of it, times in ms', async () => {
    const id = '2026-01-02T03:04:05.678901234Z'
    const state = await new Bucket('a').state(sessionWith(id))
    expect(state).toEqual({ id, lastSeq: 4, firstSeq: 3, keys: 2, maxAgeMs: 1_000, hasTtlPerKey: true })
  })

  it('comes once the bucket is whole', async () => {
    const id = '2026-01-02T03:04:05Z'
    expect(await new Bucket('a').state(sessionWith(BEING_MADE, BEING_MADE, id))).toMatchObject({ id })
  })

  it('fails if the server gives up making it', async () => {
    const missing = new NatsFailure({ kind: 'no-stream', said: 'stream not found', cause: undefined })
    await expect(new Bucket('a').state(sessionWith(BEING_MADE, missing))).rejects.toBe(missing)
  })
})
