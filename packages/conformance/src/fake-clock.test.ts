import { describe, expect, it } from 'vitest'
import { FakeClock } from './fake-clock.js'

describe('FakeClock', () => {
  it('wakes sleepers in the order they are due, each running to its next sleep before the following', async () => {
    const clock = new FakeClock()
    const seen: string[] = []
    const ticker = async (name: string, every: number) => {
      for (let tick = 1; tick <= 3; tick += 1) {
        await clock.sleep(every)
        await Promise.resolve()
        seen.push(`${name}${tick}@${clock.monotonic()}`)
      }
    }
    void ticker('a', 30)
    void ticker('b', 20)
    await clock.advance(60)
    expect(seen).toEqual(['b1@20', 'a1@30', 'b2@40', 'a2@60', 'b3@60'])
    expect(clock.pending).toEqual([{ due: 90, milliseconds: 30 }])
  })

  it('lets what a sleeper starts settle over several turns of the event loop', async () => {
    const clock = new FakeClock()
    let done = false
    void (async () => {
      await clock.sleep(10)
      for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => process.nextTick(resolve))
      await new Promise((resolve) => setImmediate(resolve))
      done = true
    })()
    await clock.advance(10)
    expect(done).toBe(true)
  })

  it('jumps the time of day alone', async () => {
    const clock = new FakeClock({ now: 1_000 })
    await clock.advance(5)
    clock.jump(-600)
    expect([clock.now(), clock.monotonic()]).toEqual([405, 5])
  })

  it('rejects a sleep with its signal’s own reason, before and while it sleeps', async () => {
    const clock = new FakeClock()
    const reason = new Error('enough')
    await expect(clock.sleep(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const sleep = clock.sleep(1_000, { signal: controller.signal })
    controller.abort(reason)
    await expect(sleep).rejects.toBe(reason)
    expect(clock.pending).toEqual([])
  })

  it('advances until a condition holds and no further, or says that it never did', async () => {
    const clock = new FakeClock()
    let ticks = 0
    void (async () => {
      while (ticks < 5) {
        await clock.sleep(100)
        ticks += 1
      }
    })()
    await clock.advanceUntil(() => ticks === 3)
    expect(clock.monotonic()).toBe(300)
    await expect(clock.advanceUntil(() => ticks === 9, 1_000)).rejects.toThrow(
      /did not hold after 200 ms of fake time; nothing sleeps/,
    )
    for (const milliseconds of [70_000, 80_000]) void clock.sleep(milliseconds)
    await expect(clock.advanceUntil(() => false, 1_000)).rejects.toThrow(
      'still asleep: 70000 ms, which ends in 70000 ms; 80000 ms, which ends in 80000 ms',
    )
  })
})
