import { FakeClock } from '@selvedge/conformance'
import type { Lease, LeaseEvent } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { MemorySubnetManager } from './manager.js'
import { MemoryStore } from './store.js'

const config = { Network: '10.5.0.0/16' }
const node = (number: number) => ({ publicIp: `192.0.2.${number}` })

describe('MemorySubnetManager', () => {
  it('makes a store of its own, which others may share', async () => {
    const one = new MemorySubnetManager({ config })
    const two = new MemorySubnetManager(one.store)
    const lease = await one.acquireLease({ attributes: node(1) })
    await one[Symbol.asyncDispose]()
    expect(two.store.leases).toEqual([lease])
    await expect(two.acquireLease({ attributes: node(2) })).resolves.toMatchObject({ attributes: node(2) })
  })

  it('waits for a network config before it leases', async () => {
    const manager = new MemorySubnetManager()
    const waiting = manager.acquireLease({ attributes: node(1) })
    manager.store.setNetworkConfig(JSON.stringify(config))
    expect((await waiting).subnet).toMatch(/^10\.5\.\d+\.0\/24$/)
  })

  it('leaves no timer and no observer behind when a watch ends', async () => {
    const clock = new FakeClock()
    const manager = new MemorySubnetManager({ config, clock })
    await manager.acquireLease({ attributes: node(1) })
    const abort = new AbortController()
    const watch = manager.watchLeases({ signal: abort.signal })
    await watch.next()
    const next = watch.next()
    await clock.settle()
    expect(clock.pending).toHaveLength(1)
    abort.abort()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(clock.pending).toEqual([])
  })

  it('reports the end of a lease on time, however long after the last change', async () => {
    const clock = new FakeClock()
    const manager = new MemorySubnetManager({ config, clock, leaseTermMs: 60_000 })
    const lease = await manager.acquireLease({ attributes: node(1) })
    const watch = manager.watchLeases({ signal: new AbortController().signal })
    await watch.next()
    const events: LeaseEvent[] = []
    const next = watch.next().then(({ value }) => value && events.push(value))
    await clock.advance(59_999)
    expect(events).toEqual([])
    await clock.advance(1)
    await next
    expect(events).toEqual([{ type: 'delete', lease }])
  })

  it('gives a consumer that fell far behind a snapshot instead of keeping every change for it', async () => {
    const manager = new MemorySubnetManager({ config })
    const lease = await manager.acquireLease({ attributes: node(1) })
    const watch = manager.watchLeases({ signal: new AbortController().signal })
    await watch.next()
    let last: Lease = lease
    for (let change = 0; change < 5000; change += 1) {
      last = await manager.renewLease({ ...lease, attributes: { ...node(1), backendData: change } })
    }
    expect(await watch.next()).toEqual({ done: false, value: { type: 'snapshot', leases: [last] } })
    await manager.releaseLease(lease)
    expect(await watch.next()).toEqual({ done: false, value: { type: 'delete', lease: last } })
  })
})

describe('MemoryStore', () => {
  it('refuses a config that breaks a rule, and keeps the one it has', () => {
    expect(() => new MemoryStore({ config: { Network: '10.5.0.0' } })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG' }),
    )
    const store = new MemoryStore({ config })
    expect(() => store.setNetworkConfig('{"Network": "10.5.0.0/30"}')).toThrow(/Network/)
    expect(store.networkConfig?.ipv4?.network).toBe('10.5.0.0/16')
  })

  it.each([0, -1, Number.NaN])('refuses a lease term of %d', (leaseTermMs) => {
    expect(() => new MemoryStore({ leaseTermMs })).toThrow(TypeError)
  })

  it('reserves no subnet that another node holds any of', async () => {
    const manager = new MemorySubnetManager({ config })
    const { subnet } = await manager.acquireLease({
      attributes: node(1),
      previous: { subnet: '10.5.7.0/24' },
    })
    const { store } = manager
    expect(() => store.reserve({ subnet: '10.5.4.0/22', attributes: node(2) })).toThrow(
      expect.objectContaining({ code: 'LEASE_CONFLICT' }),
    )
    expect(store.reserve({ subnet, attributes: node(1) }).expiresAt).toBeUndefined()
    expect(store.leases).toHaveLength(1)
  })

  it('frees a subnet only when the last lease that overlaps it is gone', async () => {
    const store = new MemoryStore({ config: { ...config, SubnetMin: '10.5.7.0', SubnetMax: '10.5.7.0' } })
    const manager = new MemorySubnetManager(store)
    const whole = store.reserve({ subnet: '10.5.7.0/25', attributes: node(1) })
    const half = store.reserve({ subnet: '10.5.7.128/25', attributes: node(2) })
    const request = { attributes: node(3) }
    await expect(manager.acquireLease(request)).rejects.toMatchObject({ code: 'SUBNETS_EXHAUSTED' })
    store.remove(whole)
    await expect(manager.acquireLease(request)).rejects.toMatchObject({ code: 'SUBNETS_EXHAUSTED' })
    store.remove(half)
    expect((await manager.acquireLease(request)).subnet).toBe('10.5.7.0/24')
  })
})
