import { expect, it } from 'vitest'
import { Slices } from './slices.js'

/** Work that takes 0.1 ms an item, and what else came to its turn meanwhile. */
it('lets the event loop turn every ten milliseconds of work, and no more often', async () => {
  let now = 0
  const turns: number[] = []
  const slices = new Slices({
    monotonic: () => now,
    sleep: async () => {
      turns.push(now)
    },
  })
  for (let items = 0; items < 1_000; items += 1) {
    if (slices.isOver()) await slices.turn()
    now += 0.1
  }
  const pauses = turns.map((at, index) => at - (turns[index - 1] ?? 0))
  expect(turns.length).toBeGreaterThanOrEqual(7)
  expect(Math.min(...pauses)).toBeGreaterThanOrEqual(10)
  expect(Math.max(...pauses)).toBeLessThan(26)
})

it('rejects with what aborts it', async () => {
  const reason = new Error('enough')
  const sleep = () => Promise.reject(reason)
  await expect(new Slices({ monotonic: () => 0, sleep }).turn()).rejects.toBe(reason)
})
