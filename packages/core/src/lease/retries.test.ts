import { describe, expect, it } from 'vitest'
import type { SleepOptions } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import { Retries } from './retries.js'

function retries(signal?: AbortSignal) {
  const pauses: number[] = []
  const clock = {
    now: () => 0,
    monotonic: () => 0,
    sleep: async (milliseconds: number, { signal: stop }: SleepOptions = {}) => {
      stop?.throwIfAborted()
      pauses.push(milliseconds)
    },
  }
  return { pauses, retries: new Retries('leasing a subnet', { clock, random: () => 0 }, { signal }) }
}

describe('a call of a store that starts over', () => {
  it('pauses before each time, longer and longer, up to half a second and more', async () => {
    const { pauses, retries: calls } = retries()
    for (let attempt = 0; attempt < 9; attempt += 1) await calls.next({ type: 'outdated' })
    expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 500, 500, 500])
    expect(calls.failed).toBe(9)
  })

  it('gives up with LEASE_CONFLICT once other nodes were faster a hundred times', async () => {
    const { retries: calls } = retries()
    for (let attempt = 1; attempt < 100; attempt += 1) await calls.next({ type: 'outdated' })
    await expect(calls.next({ type: 'outdated' })).rejects.toMatchObject({
      code: 'LEASE_CONFLICT',
      message: 'leasing a subnet: other nodes were faster 100 times; try again',
    })
  })

  it('gives up with the error of a write that was not answered three times', async () => {
    const { retries: calls } = retries()
    const error = new OverlayError('STORE_UNAVAILABLE', 'no answer')
    for (let attempt = 1; attempt < 3; attempt += 1) await calls.next({ type: 'unknown', error })
    await expect(calls.next({ type: 'unknown', error })).rejects.toBe(error)
  })

  it('rejects with the reason of its signal', async () => {
    const { retries: calls } = retries(AbortSignal.abort('enough'))
    await expect(calls.next({ type: 'outdated' })).rejects.toBe('enough')
  })
})
