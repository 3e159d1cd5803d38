import { describe, expect, it } from 'vitest'
import { ReadSchedule } from './read-schedule.js'

const MIDDLE = () => 0.5
const schedule = (random = MIDDLE) => new ReadSchedule({ resyncInterval: 60_000 }, random)

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

  it('reads about once a second while somebody fights us, and at full speed again after a calm', () => {
    expect(readsInAMinute(true, 1)).toBeLessThanOrEqual(70)
    const reads = schedule()
    for (let now = 0; now < 20_000; now += 1_000) {
      reads.begun()
      reads.ended(now, { took: 1, drifted: true })
    }
    reads.ask()
    expect(reads.dueAt()).toBe(20_000)
    reads.begun()
    reads.ended(30_000, { took: 1, drifted: true })
    reads.ask()
    expect(reads.dueAt()).toBe(30_020)
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
