import { FakeClock, FakeKernel } from '@selvedge/conformance'
import { describe, expect, it } from 'vitest'
import { type RouteFields, route } from '../contract/resource.js'
import { OverlayError } from '../util/errors.js'
import { cutsOff, reachableAddresses, reachingStore } from './cut-off.js'

const signal = new AbortController().signal
const STORE = '172.30.0.254'

async function setup(...routes: readonly RouteFields[]) {
  const clock = new FakeClock()
  const kernel = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
  const driver = kernel.driver()
  const left = kernel.driver()
  await left.apply(routes.map((fields) => ({ type: 'put', resource: route(fields) })))
  const reports: string[] = []
  let addresses: readonly string[] = [STORE]
  const access = {
    subnets: { name: 'etcd', addresses: () => addresses },
    drivers: [driver],
    networks: ['10.0.0.0/8'],
    clock,
    onWarning: (text: string) => reports.push(text),
    onError: (error: OverlayError) => reports.push(error.message),
  }
  const resolves = (to: readonly string[]) => {
    addresses = to
  }
  return { clock, kernel, access, reports, resolves }
}

const toStore = { destination: '172.30.0.0/24', device: 'eth0', gateway: '192.0.2.9' }
const peer = { destination: '10.244.5.0/24', device: 'eth0', gateway: '192.0.2.5' }

describe('a host that is cut off from its store', () => {
  it('knows what must stay reachable, and which routes take it away', () => {
    const host = { addresses: [], gateways: ['192.0.2.254', STORE] }
    expect(reachableAddresses({ addresses: () => [STORE] }, host)).toEqual([STORE, '192.0.2.254'])
    expect(reachableAddresses({}, undefined)).toEqual([])
    expect(cutsOff(route(toStore), [STORE])).toBe(true)
    expect(cutsOff(route(peer), [STORE])).toBe(false)
  })

  it('loses the routes that an earlier run left, and no others, while the store does not answer', async () => {
    const { clock, kernel, access, reports } = await setup(toStore, peer)
    let answer = (_text: string): void => undefined
    const call = new Promise<string>((resolve) => {
      answer = resolve
    })
    const reached = reachingStore(call, access, signal)
    await clock.advance(999)
    expect(kernel.toText()).toContain(toStore.destination)
    await clock.advance(1)
    await clock.settle()
    expect(kernel.toText()).not.toContain(toStore.destination)
    expect(kernel.toText()).toContain(peer.destination)
    expect(reports).toEqual([expect.stringContaining('(172.30.0.0/24): removed')])
    answer('here')
    expect(await reached).toBe('here')
  })

  it('looks again as its addresses become known, and keeps a route into a whole network of its own', async () => {
    const whole = { destination: '10.0.0.0/8', device: 'eth0', gateway: '192.0.2.9' }
    const { clock, kernel, access, resolves } = await setup(toStore, whole)
    resolves([])
    const stop = new AbortController()
    const reached = reachingStore(
      new Promise((_, reject) => stop.signal.addEventListener('abort', () => reject(stop.signal.reason))),
      access,
      stop.signal,
    )
    await clock.advance(1000)
    await clock.settle()
    expect(kernel.toText()).toContain(toStore.destination)
    resolves([STORE, '10.9.9.9'])
    await clock.advance(2000)
    await clock.settle()
    expect(kernel.toText()).not.toContain(toStore.destination)
    expect(kernel.toText()).toContain(whole.destination)
    stop.abort(new Error('enough'))
    await expect(reached).rejects.toThrow('enough')
  })

  it('is freed before a call that found the store unavailable rejects', async () => {
    const { kernel, access } = await setup(toStore)
    const unavailable = new OverlayError('STORE_UNAVAILABLE', 'no route to host')
    await expect(reachingStore(Promise.reject(unavailable), access, signal)).rejects.toBe(unavailable)
    expect(kernel.toText()).not.toContain(toStore.destination)
  })

  it('leaves a store alone that answers in time', async () => {
    const { kernel, access } = await setup(toStore)
    expect(await reachingStore(Promise.resolve(1), access, signal)).toBe(1)
    expect(kernel.toText()).toContain(toStore.destination)
  })
})
