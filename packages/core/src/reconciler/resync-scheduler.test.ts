import { describe, expect, it } from 'vitest'
import { ResyncScheduler } from './resync-scheduler.js'

const MIDDLE = () => 0.5
const schedule = (random = MIDDLE) => new ResyncScheduler({ resyncIntervalMs: 60_000 }, random)

/** Reads as soon as is allowed whenever asked, for a minute; returns how often. */
function readsInAMinute(drifted: boolean, took: number): number {
  const reads = schedule()
  let count = 0
  for (let now = 0; now < 60_000; count += 1) {
    reads.ask()
    now = Math.max(now, reads.dueAt())
    reads.begun()
    now += took
    reads.ended(now, { took, drifted })
  }
  return count
}

describe('ReadSchedule', () => {
  it('is due at the start, and then by a timer that is jittered by a fifth', () => {
    for (const [drawn, due] of [
      [0, 48_000],
      [0.5, 60_000],
      [1, 72_000],
    ] as const) {
      const reads = schedule(() => drawn)
      expect(reads.dueAt()).toBe(0)
      reads.begun()
      reads.ended(0, { took: 0, drifted: false })
      expect(reads.dueAt()).toBeCloseTo(due)
    }
  })

  it('is due at once when asked after a quiet time', () => {
    const reads = schedule()
    reads.begun()
    reads.ended(10, { took: 10, drifted: false })
    reads.ask()
    expect(reads.dueAt()).toBeLessThanOrEqual(10 + 4 * 10)
  })

  it('keeps a request that comes during a read', () => {
    const reads = schedule()
    reads.begun()
    reads.ask()
    reads.ended(5, { took: 5, drifted: false })
    expect(reads.asked).toBe(true)
  })

  it('mends ten accidents at once, then one a second, and ten at once again after a calm', () => {
    const reads = schedule()
    const fightAt = (now: number): number => {
      reads.ask()
      const readAt = Math.max(now, reads.dueAt())
      reads.begun()
      reads.ended(readAt, { took: 0, drifted: true })
      return readAt
    }
    const fight = (from: number): number[] => {
      const times: number[] = []
      for (let now = from; times.length < 15; ) {
        now = fightAt(now)
        times.push(now - from)
      }
      return times
    }
    const expected = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1_000, 2_000, 3_000, 4_000, 5_000]
    expect(fight(0)).toEqual(expected)
    expect(fight(60_000)).toEqual(expected)
  })

  it('keeps to it for as long as the fight lasts', () => {
    expect(readsInAMinute(true, 1)).toBeLessThanOrEqual(70)
  })

  it('spends no more than a fifth of the time on reading, whatever a read costs', () => {
    for (const took of [10, 100, 1_000]) {
      expect(readsInAMinute(false, took) * took).toBeLessThanOrEqual(60_000 / 5 + took)
    }
  })

  it('waits as told after a read that failed', () => {
    const reads = schedule()
    reads.begun()
    reads.failed(100, 250)
    expect(reads.asked).toBe(true)
    expect(reads.dueAt()).toBe(350)
  })
})
