import { describe, expect, it } from 'vitest'
import { backoffDelay } from './retry.js'

const options = { firstMs: 100, maxMs: 5_000 }

describe('the delay before a retry', () => {
  it.each<[attempt: number, least: number, most: number]>([
    [1, 50, 100],
    [2, 100, 200],
    [3, 200, 400],
    [6, 1_600, 3_200],
    [7, 2_500, 5_000],
    [8, 2_500, 5_000],
    [1_000_000, 2_500, 5_000],
  ])('number %i lies between %i and %i ms', (attempt, least, most) => {
    expect(backoffDelay(attempt, options, () => 0)).toBe(least)
    expect(backoffDelay(attempt, options, () => 0.5)).toBe((least + most) / 2)
    expect(backoffDelay(attempt, options, () => 1 - Number.EPSILON)).toBeCloseTo(most)
  })

  it('is never longer than the longest, though the first would be', () => {
    expect(backoffDelay(1, { firstMs: 10_000, maxMs: 5_000 }, () => 0.999)).toBeLessThanOrEqual(5_000)
  })
})
