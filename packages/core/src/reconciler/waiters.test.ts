import { describe, expect, it } from 'vitest'
import { Waiters } from './waiters.js'

describe('Waiters', () => {
  it('resolve together, once, at the next notification', async () => {
    const waiters = new Waiters()
    waiters.notify()
    const heard: string[] = []
    const waiting = ['a', 'b'].map((name) => waiters.wait({}).then(() => heard.push(name)))
    await Promise.resolve()
    expect(heard).toEqual([])
    waiters.notify()
    await Promise.all(waiting)
    expect(heard).toEqual(['a', 'b'])
  })

  it('leave with the reason of their signal, and harm no other', async () => {
    const waiters = new Waiters()
    const abort = new AbortController()
    const left = waiters.wait({ signal: abort.signal })
    const stays = waiters.wait({})
    const reason = new Error('enough')
    abort.abort(reason)
    await expect(left).rejects.toBe(reason)
    await expect(waiters.wait({ signal: abort.signal })).rejects.toBe(reason)
    waiters.notify()
    await stays
  })
})
