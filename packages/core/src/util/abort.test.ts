import { describe, expect, it } from 'vitest'
import { unlessAborted } from './abort.js'

describe('unlessAborted', () => {
  const reason = new Error('enough')

  it('is what the promise comes to', async () => {
    const { signal } = new AbortController()
    expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7)
    await expect(unlessAborted(Promise.reject(reason), signal)).rejects.toBe(reason)
  })

  it("rejects with the signal's reason if that comes first, or was there before", async () => {
    const controller = new AbortController()
    const never = new Promise<never>(() => undefined)
    const waiting = unlessAborted(never, controller.signal)
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(unlessAborted(never, controller.signal)).rejects.toBe(reason)
  })
})
