import { FakeClock } from '@selvedge/conformance'
import { type ErrorCode, OverlayError, type WatchOptions } from '@selvedge/core'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { expect, test } from 'vitest'
import { TrackedStore } from './tracked-store.js'

function trackedStore() {
  const clock = new FakeClock()
  const store = new MemoryStore({ config: { Network: '10.244.0.0/16' }, clock })
  const inner = new MemorySubnetManager(store)
  const { watchLeases } = inner
  let wire: WatchOptions | undefined
  inner.watchLeases = (options) => {
    wire = options
    return watchLeases.call(inner, options)
  }
  const reports: string[] = []
  const tracked = new TrackedStore(inner, clock, {
    onDisconnected: ({ message }) => reports.push(`disconnected: ${message}`),
    onReconnected: (afterMs) => reports.push(`reconnected after ${afterMs} ms`),
  })
  const abort = new AbortController()
  const passedOn: string[] = []
  const watching = (async () => {
    const options = { signal: abort.signal, onError: (error: Error) => passedOn.push(error.message) }
    for await (const { type } of tracked.watchLeases(options)) passedOn.push(type)
  })()
  return {
    clock,
    store,
    inner,
    tracked,
    reports,
    passedOn,
    fail: (code: ErrorCode, text: string) => wire?.onError?.(new OverlayError(code, text)),
    recover: () => wire?.onRecovered?.(),
    stop: async () => {
      abort.abort()
      await watching
    },
  }
}

test('a store is connected from its first event on', async () => {
  const { clock, tracked, stop } = trackedStore()
  expect(tracked.isConnected).toBe(false)
  await clock.settle()
  expect(tracked).toMatchObject({ isConnected: true, disconnectedMs: 0 })
  await stop()
})

test('a loss is reported once, and its end though no lease has changed', async () => {
  const { clock, tracked, reports, passedOn, fail, recover, stop } = trackedStore()
  await clock.settle()
  fail('STORE_UNAVAILABLE', 'no answer')
  await clock.advance(5_000)
  clock.jump(3_600_000)
  fail('STORE_UNAVAILABLE', 'still none')
  expect(tracked).toMatchObject({ isConnected: false, disconnectedMs: 5_000 })
  recover()
  expect(tracked).toMatchObject({ isConnected: true, disconnectedMs: 0 })
  expect(reports).toEqual(['disconnected: no answer', 'reconnected after 5000 ms'])
  expect(passedOn).toEqual(['snapshot', 'no answer', 'still none'])
  await stop()
})

test('any event means that it is connected', async () => {
  const { clock, store, reports, fail, stop } = trackedStore()
  await clock.settle()
  fail('STORE_UNAVAILABLE', 'no answer')
  store.reserve({ subnet: '10.244.5.0/24', attributes: { publicIp: '192.0.2.1' } })
  await clock.settle()
  expect(reports).toEqual(['disconnected: no answer', 'reconnected after 0 ms'])
  await stop()
})

test('a record that is not a lease, or excludes another, does not mean that the store is lost', async () => {
  const { clock, tracked, reports, fail, stop } = trackedStore()
  await clock.settle()
  fail('INVALID_LEASE', 'garbage')
  fail('LEASE_CONFLICT', 'two nodes with one PodCIDR')
  expect(tracked.isConnected).toBe(true)
  expect(reports).toEqual([])
  await stop()
})

test('the addresses of the store are known through it, as the store learns them', async () => {
  const { inner, tracked, stop } = trackedStore()
  expect(tracked.addresses()).toEqual([])
  const known = ['192.0.2.5']
  Object.assign(inner, { addresses: () => known })
  known.push('192.0.2.6')
  expect(tracked.addresses()).toEqual(['192.0.2.5', '192.0.2.6'])
  await stop()
})
