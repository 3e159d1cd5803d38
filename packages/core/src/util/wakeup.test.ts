import { FakeClock } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { Wakeup } from './wakeup.js'

const forever = new AbortController().signal

describe('Wakeup', () => {
  it('ends a sleep when called', async () => {
    const wakeup = new Wakeup()
    const asleep = wakeup.sleep(Number.POSITIVE_INFINITY, new FakeClock(), forever)
    wakeup.wake()
    await asleep
  })

  it('keeps one wake-up that comes while the loop is not asleep', async () => {
    const wakeup = new Wakeup()
    const clock = new FakeClock()
    wakeup.wake()
    await wakeup.sleep(1_000, clock, forever)
    let woken = false
    const second = wakeup.sleep(1_000, clock, forever).then(() => {
      woken = true
    })
    await clock.advance(999)
    expect(woken).toBe(false)
    await clock.advance(1)
    await second
  })

  it('rejects with the reason of the signal, before and during a sleep', async () => {
    const reason = new Error('enough')
    const clock = new FakeClock()
    await expect(new Wakeup().sleep(1, clock, AbortSignal.abort(reason))).rejects.toBe(reason)
    const controller = new AbortController()
    const asleep = new Wakeup().sleep(1, clock, controller.signal)
    controller.abort(reason)
    await expect(asleep).rejects.toBe(reason)
    expect(clock.pending).toEqual([])
  })
})
