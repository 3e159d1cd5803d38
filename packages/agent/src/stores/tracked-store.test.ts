import { FakeClock } from '@selvedge/conformance'
import { OverlayError, type WatchOptions } from '@selvedge/core'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { expect, test } from 'vitest'
import { HeardStore } from './tracked-store.js'

function hearing() {
  const clock = new FakeClock()
  const store = new MemoryStore({ config: { Network: '10.244.0.0/16' }, clock })
  const inner = new MemorySubnetManager(store)
  const { watchLeases } = inner
  let wire: WatchOptions | undefined
  inner.watchLeases = (options) => {
    wire = options
    return watchLeases.call(inner, options)
  }
  const told: string[] = []
  const heard = new HeardStore(inner, clock, {
    onLost: ({ message }) => told.push(`lost: ${message}`),
    onHeard: (after) => told.push(`heard after ${after} ms`),
  })
  const abort = new AbortController()
  const passedOn: string[] = []
  const watching = (async () => {
    const options = { signal: abort.signal, onError: (error: Error) => passedOn.push(error.message) }
    for await (const { type } of heard.watchLeases(options)) passedOn.push(type)
  })()
  return {
    clock,
    store,
    heard,
    told,
    passedOn,
    fail: (code: 'STORE_UNAVAILABLE' | 'INVALID_LEASE', text: string) =>
      wire?.onError?.(new OverlayError(code, text)),
    recover: () => wire?.onRecovered?.(),
    stop: async () => {
      abort.abort()
      await watching
    },
  }
}

test('a store is heard from its first word on', async () => {
  const { clock, heard, stop } = hearing()
  expect(heard.isHeard).toBe(false)
  await clock.settle()
  expect(heard).toMatchObject({ isHeard: true, silence: 0 })
  await stop()
})

test('it is lost once, for as long as it is, and heard again though it has nothing to tell', async () => {
  const { clock, heard, told, passedOn, fail, recover, stop } = hearing()
  await clock.settle()
  fail('STORE_UNAVAILABLE', 'no answer')
  await clock.advance(5_000)
  clock.jump(3_600_000)
  fail('STORE_UNAVAILABLE', 'still none')
  expect(heard).toMatchObject({ isHeard: false, silence: 5_000 })
  recover()
  expect(heard).toMatchObject({ isHeard: true, silence: 0 })
  expect(told).toEqual(['lost: no answer', 'heard after 5000 ms'])
  expect(passedOn).toEqual(['snapshot', 'no answer', 'still none'])
  await stop()
})

test('whatever it tells, it is heard', async () => {
  const { clock, store, told, fail, stop } = hearing()
  await clock.settle()
  fail('STORE_UNAVAILABLE', 'no answer')
  store.reserve({ subnet: '10.244.5.0/24', attributes: { publicIp: '192.0.2.1' } })
  await clock.settle()
  expect(told).toEqual(['lost: no answer', 'heard after 0 ms'])
  await stop()
})

test('a record that is no lease does not mean that the store is lost', async () => {
  const { clock, heard, told, fail, stop } = hearing()
  await clock.settle()
  fail('INVALID_LEASE', 'garbage')
  expect(heard.isHeard).toBe(true)
  expect(told).toEqual([])
  await stop()
})
