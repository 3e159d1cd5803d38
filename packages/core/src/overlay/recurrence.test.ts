import { expect, it } from 'vitest'
import { Recurrence } from './recurrence.js'

const options = { firstMs: 1_000, maxMs: 30_000, stableMs: 60_000 }

it('waits twice as long each time, up to the bound', () => {
  const recurrence = new Recurrence(options)
  const delays = Array.from({ length: 7 }, () => {
    recurrence.add(0)
    return recurrence.delayMs
  })
  expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  for (let i = 0; i < 2_000; i += 1) recurrence.add(0)
  expect(recurrence).toMatchObject({ count: 2_007, delayMs: 30_000 })
})

it('begins again after a time without it', () => {
  const recurrence = new Recurrence(options)
  expect(recurrence).toMatchObject({ count: 0, delayMs: 1_000 })
  for (const quietMs of [0, 59_999, 60_000]) recurrence.add(quietMs)
  expect(recurrence).toMatchObject({ count: 1, delayMs: 1_000 })
})
