import { FakeClock } from '@selvedge/conformance'
import { expect, test } from 'vitest'
import { SharedLook } from './shared-look.js'

function looking(clock: FakeClock) {
  let looks = 0
  let done: ((value: number) => void) | undefined
  let failed: ((error: Error) => void) | undefined
  const look = new SharedLook(() => {
    looks += 1
    return new Promise<number>((resolve, reject) => {
      done = resolve
      failed = reject
    })
  }, clock)
  return { look, looks: () => looks, done: () => done?.(looks), fail: () => failed?.(new Error('no kernel')) }
}

test('however many ask, it is looked once at a time, and not again within a second', async () => {
  const clock = new FakeClock()
  const { look, looks, done } = looking(clock)
  const asked = [look.get(), look.get(), look.get()]
  done()
  expect(await Promise.all(asked)).toEqual([1, 1, 1])
  await clock.advance(999)
  expect(await look.get()).toBe(1)
  await clock.advance(1)
  const next = look.get()
  done()
  expect(await next).toBe(2)
  expect(looks()).toBe(2)
})

test('what took long to find is given for longer', async () => {
  const clock = new FakeClock()
  const { look, looks, done } = looking(clock)
  const first = look.get()
  await clock.advance(500)
  done()
  await first
  await clock.advance(4_999)
  await look.get()
  expect(looks()).toBe(1)
})

test('a look that fails is an error for those who asked, and is looked again', async () => {
  const { look, looks, done, fail } = looking(new FakeClock())
  const first = look.get()
  fail()
  await expect(first).rejects.toThrow('no kernel')
  const second = look.get()
  done()
  expect(await second).toBe(2)
  expect(looks()).toBe(2)
})
