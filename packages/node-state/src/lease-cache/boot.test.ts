import { OverlayError } from '@selvedge/core'
import { describe, expect, test } from 'vitest'
import { HOUR, Host, keysOf, me } from '../../tests/cached-host.js'

describe('a start on a host without an uplink', () => {
  test('has half a second of patience with a store that does not answer', async () => {
    const host = new Host()
    const lease = await host.joinAndStop()
    host.start({ up: true })
    let isGivenUp = false
    Object.assign(host.wire, {
      getNetworkConfig: ({ signal }: { signal: AbortSignal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            isGivenUp = true
            reject(signal.reason)
          })
        }),
    })
    const config = host.manager.getNetworkConfig()
    await host.clock.advance(499)
    expect(host.reports).toEqual([])
    await host.clock.advance(1)
    expect((await config).ipv4?.network).toBe('10.244.0.0/16')
    expect(isGivenUp).toBe(true)
    expect(host.reports).toEqual(['using cache'])
    expect((await host.manager.acquireLease(me)).subnet).toBe(lease.subnet)
  })

  test('waits for the store for as long as it takes if nothing is known', async () => {
    const host = new Host()
    host.start({ up: true })
    let answer: (config: unknown) => void = () => expect.unreachable()
    Object.assign(host.wire, {
      getNetworkConfig: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
    })
    const config = host.manager.getNetworkConfig()
    await host.clock.advance(HOUR)
    answer({ ipv4: undefined, ipv6: undefined })
    expect(await config).toEqual({ ipv4: undefined, ipv6: undefined })
    expect(host.reports).toEqual([])
  })

  test('gets a lease that has ended, which it may not have with an uplink', async () => {
    const host = new Host()
    const lease = await host.joinAndStop()
    await host.clock.advance(100 * HOUR)
    host.start({ up: false })
    await host.manager.getNetworkConfig()
    await expect(host.manager.acquireLease(me)).rejects.toThrow(OverlayError)
    expect((await host.manager.acquireLease({ ...me, withoutUplink: true })).subnet).toBe(lease.subnet)
  })

  test('gets its own lease under another address, as the store knows it, if it is the one that was kept', async () => {
    const host = new Host()
    const lease = await host.joinAndStop()
    host.start({ up: false })
    await host.manager.getNetworkConfig()
    const moved = { attributes: { ...me.attributes, publicIp: '198.51.100.9' } }
    await expect(host.manager.acquireLease(moved)).rejects.toThrow(OverlayError)
    const other = { ...lease, version: (lease.version ?? 0) + 1 }
    await expect(host.manager.acquireLease({ ...moved, former: other })).rejects.toThrow(OverlayError)
    const held = await host.manager.acquireLease({ ...moved, former: lease })
    expect(held.subnet).toBe(lease.subnet)
    expect(held.attributes.publicIp).toBe(me.attributes.publicIp)
    const watch = host.watch()
    await host.clock.settle()
    host.wire.plugIn()
    await host.clock.settle()
    expect(keysOf(watch.events).at(-1)).toBe('snapshot 2')
    // Now that the store has shown its version, it is rewritten in place.
    const renewed = await host.manager.renewLease({ ...held, version: lease.version }, moved)
    expect(renewed).toMatchObject({ subnet: lease.subnet, attributes: { publicIp: '198.51.100.9' } })
    await watch.stop()
  })
})
