import { MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect } from 'vitest'
import { CONFIG, it, peerAttributes } from '../../tests/overlay-fixture.js'
import { OverlayError } from '../util/errors.js'
import type { PreviousNode } from './options.js'
import type { Overlay } from './overlay.js'

describe('an overlay whose host has no uplink', () => {
  /** What a program keeps of a node that is switched off. */
  async function switchedOff(overlay: Overlay): Promise<PreviousNode> {
    const { lease, externalInterface } = overlay
    await overlay.stop({ cleanup: true })
    return { ...lease, lease, externalInterface }
  }

  const heard = (overlay: Overlay): string[] => {
    const events: string[] = []
    overlay.on('uplink', (event) =>
      events.push(event.type === 'found' ? `found ${event.externalInterface.ipv4}` : `awaited: ${event.why}`),
    )
    return events
  }

  it('rejects if it is not known what the node was', async ({ kernel, compose }) => {
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    await expect(compose().start()).rejects.toMatchObject({ code: 'INTERFACE_NOT_FOUND' })
    const previous = { externalInterface: { name: 'eth0', ipv4: '192.0.2.1' } }
    await expect(compose({ previous }).start()).rejects.toMatchObject({ code: 'INTERFACE_NOT_FOUND' })
  })

  describe('and is started with retry, though it is not known what the node was', () => {
    it('joins as soon as an uplink comes, however long it has waited', async ({ clock, kernel, compose }) => {
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      const overlay = compose()
      const delays: number[] = []
      overlay.on('retry', ({ delayMs }) => delays.push(delayMs)).on('error', () => {})
      const started = overlay.start({ retry: true })
      await clock.advance(10 * 60_000)
      expect(delays.at(-1)).toBeGreaterThan(20_000)
      expect(delays.length).toBeLessThan(40)
      kernel.addAddress('eth0', '192.0.2.1/24')
      await clock.advance(500)
      await started
      expect(overlay.status.state).toBe('running')
    })

    it('reaches for the store as soon as an uplink comes', async ({ clock, kernel, store, compose }) => {
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      const answering = new MemorySubnetManager(store)
      const subnets = new MemorySubnetManager(store)
      let answers = false
      subnets.getNetworkConfig = (options) =>
        answers
          ? answering.getNetworkConfig(options)
          : Promise.reject(new OverlayError('STORE_UNAVAILABLE', 'no route to the store'))
      const overlay = compose({ subnets })
      const failures: string[] = []
      overlay.on('error', ({ code }) => failures.push(code))
      const started = overlay.start({ retry: true })
      await clock.advance(10 * 60_000)
      const tries = failures.length
      expect(failures.at(-1)).toBe('STORE_UNAVAILABLE')
      // The uplink is there, and the store still is not: as often as for any other reason.
      kernel.addAddress('eth0', '192.0.2.1/24')
      await clock.advance(500)
      expect(failures.length).toBe(tries + 1)
      await clock.advance(10_000)
      expect(failures.length).toBe(tries + 1)
      answers = true
      await clock.advance(30_000)
      await started
      expect(overlay.status.state).toBe('running')
    })

    it('stops at once', async ({ clock, kernel, compose }) => {
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      const overlay = compose()
      overlay.on('error', () => {})
      const started = overlay.start({ retry: true })
      await clock.advance(60_000)
      await Promise.all([overlay.stop(), expect(started).rejects.toMatchObject({ code: 'CLOSED' })])
    })
  })

  it('starts as what the node was, holds nothing that needs an uplink, and takes up the one that comes', async ({
    clock,
    store,
    kernel,
    compose,
    running,
    join,
  }) => {
    join(2)
    const first = await running()
    const { lease, mtu } = first
    const previous = await switchedOff(first)
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    const overlay = compose({ previous })
    const events = heard(overlay)
    await overlay.start()
    await clock.settle()
    expect(overlay.lease.subnet).toBe(lease.subnet)
    expect(overlay.mtu).toBe(mtu)
    expect(overlay.status).toMatchObject({ state: 'running', failures: [], awaitsUplink: expect.any(String) })
    expect(kernel.toText()).not.toMatch(/flannel|proto 157/)
    await clock.advance(60_000)
    expect(events).toHaveLength(1)

    kernel.addAddress('eth0', '198.51.100.7/24')
    await clock.advance(500)
    expect(events.at(-1)).toBe('found 198.51.100.7')
    expect(overlay.status).toMatchObject({ inSync: true, awaitsUplink: undefined })
    expect(kernel.toText()).toMatch(/local 198\.51\.100\.7/)
    expect(kernel.toText()).toContain('10.244.2.0/24 via 10.244.2.0 dev flannel.1')
    const own = store.leases.filter(({ subnet }) => subnet === lease.subnet)
    expect(own).toMatchObject([{ attributes: { publicIp: '198.51.100.7' } }])
    expect(store.leases).toHaveLength(2)
  })

  it('removes nothing of an earlier run before the uplink is there', async ({
    clock,
    kernel,
    compose,
    running,
    join,
  }) => {
    join(2)
    const first = await running()
    const { lease, externalInterface } = first
    await first.stop()
    const before = kernel.toText()
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    const drivers = [kernel.driver({ externalInterface: 'eth0' })]
    const overlay = compose({ drivers, previous: { ...lease, lease, externalInterface } })
    await overlay.start()
    await clock.advance(120_000)
    kernel.addAddress('eth0', '192.0.2.1/24')
    await clock.advance(500)
    expect(overlay.status).toMatchObject({ inSync: true, awaitsUplink: undefined })
    expect(kernel.toText()).toBe(before)
  })

  it('waits on while the host has only the address that it gave itself', async ({
    clock,
    kernel,
    compose,
    running,
  }) => {
    const previous = await switchedOff(await running())
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    kernel.addAddress('eth0', '169.254.7.7/16')
    const overlay = compose({ previous })
    const events = heard(overlay)
    await overlay.start()
    await clock.advance(5_000)
    expect(events).toEqual([expect.stringContaining('eth0 has only the link-local address 169.254.7.7')])
    // One that had such an address before has it for good.
    const { externalInterface } = previous
    if (externalInterface === undefined) throw new Error('an interface was kept')
    await overlay.stop()
    const other = compose({
      previous: { ...previous, externalInterface: { ...externalInterface, ipv4: '169.254.7.7' } },
    })
    await other.start()
    expect(other.status.awaitsUplink).toBeUndefined()
  })

  describe('in a dual-stack network', () => {
    const dual = it
      .extend('config', () => ({ ...CONFIG, EnableIPv6: true, IPv6Network: 'fd00:244::/48' }))
      .extend('addresses', () => ['192.0.2.1/24', '2001:db8::1/64'])

    dual('waits for both families, whichever comes first', async ({ clock, kernel, compose, running }) => {
      const first = await running()
      const { lease } = first
      const previous = await switchedOff(first)
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      kernel.deleteAddress('eth0', '2001:db8::1/64')
      const overlay = compose({ previous })
      const events = heard(overlay)
      await overlay.start()
      kernel.addAddress('eth0', '2001:db8:7::7/64')
      await clock.advance(5_000)
      expect(events.at(-1)).toMatch(/^awaited: IPv4 is on .*eth0 has no IPv4 address/)
      kernel.addAddress('eth0', '198.51.100.7/24')
      await clock.advance(500)
      expect(events.at(-1)).toBe('found 198.51.100.7')
      expect(overlay.lease).toMatchObject({
        subnet: lease.subnet,
        ipv6Subnet: lease.ipv6Subnet,
        attributes: { publicIp: '198.51.100.7', publicIpv6: '2001:db8:7::7' },
      })
    })
  })

  it('whose subnet was taken meanwhile takes another once the store says so', async ({
    clock,
    store,
    kernel,
    compose,
    running,
  }) => {
    const first = await running()
    const { lease } = first
    const previous = await switchedOff(first)
    store.release(lease)
    store.reserve({ subnet: lease.subnet ?? '', attributes: peerAttributes(9) })
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    const overlay = compose({ previous })
    await overlay.start()
    expect(overlay.lease.subnet).not.toBe(lease.subnet)
    kernel.addAddress('eth0', '192.0.2.1/24')
    await clock.advance(500)
    expect(overlay.status.inSync).toBe(true)
    expect(kernel.toText()).toContain(`${lease.subnet} via`)
  })

  it('leaves the node alone that its disk was copied from', async ({
    clock,
    store,
    kernel,
    compose,
    running,
  }) => {
    const first = await running()
    const { lease } = first
    const previous = await switchedOff(first)
    const { externalInterface } = previous
    if (externalInterface === undefined) throw new Error('an interface was kept')
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    const copy = { ...externalInterface, macAddress: '02:00:00:00:77:77' }
    const overlay = compose({ previous: { ...previous, externalInterface: copy } })
    await overlay.start()
    expect(overlay.lease.subnet).toBe(lease.subnet)
    kernel.addAddress('eth0', '192.0.2.77/24')
    await clock.advance(5_000)
    expect(overlay.lease.subnet).not.toBe(lease.subnet)
    expect(store.leases.map(({ subnet, attributes }) => [subnet, attributes.publicIp])).toEqual(
      expect.arrayContaining([
        [lease.subnet, '192.0.2.1'],
        [overlay.lease.subnet, '192.0.2.77'],
      ]),
    )
    expect(overlay.status.inSync).toBe(true)
  })
})
