import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { noticingStalls } from './stalls.js'

test('a stall of this process is noticed', async () => {
  const { value, wasStalled } = await noticingStalls(async () => {
    await sleep(100)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900)
    await sleep(100)
    return 'done'
  })
  expect({ value, wasStalled }).toEqual({ value: 'done', wasStalled: true })
})

test('what takes no time does not stall, and errors are handed on', async () => {
  expect(await noticingStalls(async () => 1)).toEqual({ value: 1, wasStalled: false })
  await expect(noticingStalls(async () => Promise.reject(new Error('no')))).rejects.toThrow('no')
})
