import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from './clock.js'

const DAY = 86_400_000

describe('the system clock', () => {
  it('gives the time and how long something took', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000)
    const before = systemClock.monotonic()
    expect(systemClock.monotonic()).toBeGreaterThanOrEqual(before)
  })

  describe('sleeps', () => {
    beforeEach(() => {
      vi.useFakeTimers()
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    const state = (promise: Promise<void>): { current: string } => {
      const seen = { current: 'asleep' }
      promise.then(
        () => {
          seen.current = 'awake'
        },
        (reason: unknown) => {
          seen.current = `rejected: ${reason}`
        },
      )
      return seen
    }

    it.each([0, 1, 1_000, DAY])('%i ms, and no less', async (milliseconds) => {
      const seen = state(systemClock.sleep(milliseconds))
      await vi.advanceTimersByTimeAsync(Math.max(0, milliseconds - 1))
      if (milliseconds > 0) expect(seen.current).toBe('asleep')
      await vi.advanceTimersByTimeAsync(1)
      expect(seen.current).toBe('awake')
    })

    it('longer than one timer of Node can (24.8 days)', async () => {
      const seen = state(systemClock.sleep(60 * DAY))
      await vi.advanceTimersByTimeAsync(60 * DAY - 1)
      expect(seen.current).toBe('asleep')
      await vi.advanceTimersByTimeAsync(1)
      expect(seen.current).toBe('awake')
    })

    it('not at all for a time that is over', async () => {
      const seen = state(systemClock.sleep(-5))
      await vi.advanceTimersByTimeAsync(0)
      expect(seen.current).toBe('awake')
    })

    it("until it is aborted, and rejects with the signal's own reason", async () => {
      const controller = new AbortController()
      const seen = state(systemClock.sleep(60 * DAY, { signal: controller.signal }))
      await vi.advanceTimersByTimeAsync(40 * DAY)
      controller.abort('enough')
      await vi.advanceTimersByTimeAsync(0)
      expect(seen.current).toBe('rejected: enough')
      expect(vi.getTimerCount()).toBe(0)
    })

    it('never on a signal that is aborted already', async () => {
      const seen = state(systemClock.sleep(5, { signal: AbortSignal.abort('before') }))
      await vi.advanceTimersByTimeAsync(0)
      expect(seen.current).toBe('rejected: before')
      expect(vi.getTimerCount()).toBe(0)
    })

    it('and leaves no listener on the signal behind', async () => {
      const { signal } = new AbortController()
      const removed = vi.spyOn(signal, 'removeEventListener')
      const added = vi.spyOn(signal, 'addEventListener')
      const slept = systemClock.sleep(5, { signal })
      await vi.advanceTimersByTimeAsync(5)
      await slept
      expect(removed).toHaveBeenCalledTimes(added.mock.calls.length)
      expect(removed.mock.calls[0]?.[1]).toBe(added.mock.calls[0]?.[1])
    })
  })
})
