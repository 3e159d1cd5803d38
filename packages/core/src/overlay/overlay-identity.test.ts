import { FakeKernel } from '@selvedge/conformance'
import { describe, expect } from 'vitest'
import { it, peerAttributes } from '../../tests/overlay-fixture.js'
import type { OverlayError } from '../util/errors.js'
import type { OverlayOptions } from './options.js'
import type { Overlay } from './overlay.js'

describe('the node of an overlay', () => {
  it('moves to another subnet when a node took its own, and routes to that node', async ({
    clock,
    store,
    kernel,
    running,
  }) => {
    const overlay = await running({ previous: { subnet: '10.244.7.0/24' } })
    store.release(overlay.lease)
    store.reserve({ subnet: '10.244.7.0/24', attributes: peerAttributes(7) })
    await clock.settle()
    expect(overlay.lease.subnet).not.toBe('10.244.7.0/24')
    expect(overlay.status.inSync).toBe(true)
    expect(kernel.toText()).toContain('10.244.7.0/24 via 10.244.7.0')
    expect(kernel.toText()).not.toContain('10.244.7.0/32 dev flannel.1')
  })

  it('stays itself when a VIP comes to its interface and goes to another node, and keeps its own subnet', async ({
    clock,
    store,
    kernel,
    running,
  }) => {
    const overlay = await running()
    const { lease } = overlay
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    kernel.addAddress('eth0', '192.0.2.99/24')
    kernel.addAddress('eth0', '192.0.2.1/24')
    store.reserve({ subnet: '10.244.99.0/24', attributes: peerAttributes(99) })
    await clock.advance(10 * 60_000)
    expect(overlay.lease).toEqual(lease)
    kernel.deleteAddress('eth0', '192.0.2.99/24')
    await clock.advance(10 * 60_000)
    expect(overlay.lease).toEqual(lease)
    expect(store.leases).toHaveLength(2)
    expect(overlay.status.inSync).toBe(true)
  })

  it('shares no subnet with another node of its address: both say so, and the one that came later gives way', async ({
    clock,
    compose,
    running,
  }) => {
    const one = await running()
    const elsewhere = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
    const other = compose({ drivers: [elsewhere.driver()] })
    const errors: string[] = []
    const note = (who: string) => (error: OverlayError) =>
      errors.push(`${who} ${error.code} ${error.message}`)
    one.on('error', note('one'))
    other.on('error', note('other'))
    await other.start()
    const { subnet } = one.lease
    expect(other.lease.subnet).toBe(subnet)
    await clock.advance(1_000)
    await clock.advance(1_000)
    await clock.settle()
    expect(one.lease.subnet).toBe(subnet)
    expect(other.lease.subnet).not.toBe(subnet)
    expect(errors).toEqual([
      expect.stringMatching(/^one LEASE_CONFLICT .* it is written back\. .*192\.0\.2\.1 too/),
      expect.stringMatching(/^other LEASE_CONFLICT .* this one gives way/),
      expect.stringMatching(/^(one|other) LEASE_CONFLICT .* bears the public address of this node/),
      expect.stringMatching(/^(one|other) LEASE_CONFLICT .* bears the public address of this node/),
    ])
    // Restarted, each finds its own again.
    await other.stop()
    const again = await running({ drivers: [elsewhere.driver()], previous: { subnet: other.lease.subnet } })
    await clock.advance(60_000)
    expect(again.lease.subnet).toBe(other.lease.subnet)
    expect(one.lease.subnet).toBe(subnet)
  })

  it('says what it goes by, and where each fact came from', async ({ running }) => {
    const overlay = await running({ publicIp: '203.0.113.1' })
    expect(overlay.node).toMatchObject({
      publicIp: '203.0.113.1',
      externalInterface: { name: 'eth0', ipv4: '192.0.2.1' },
      origins: {
        externalInterface: 'fake-kernel: it is the first with an address',
        publicIp: 'given as an option',
      },
    })
  })

  describe('that starts again, given what it was before', () => {
    /** What a program keeps from one run to the next, after the end of this one. */
    async function stopped(overlay: Overlay): Promise<OverlayOptions['previous']> {
      const { lease, externalInterface } = overlay
      await overlay.stop()
      return { ...lease, lease, externalInterface }
    }

    it('is the same node, whatever better addresses and interfaces have come', async ({
      store,
      kernel,
      running,
    }) => {
      const first = await running()
      const { lease } = first
      const previous = await stopped(first)
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      kernel.addAddress('eth0', '192.0.2.99/24')
      kernel.addAddress('eth0', '192.0.2.1/24')
      expect((await running({ previous })).node).toMatchObject({
        publicIp: '192.0.2.1',
        origins: {
          externalInterface: expect.stringContaining('it is the first with an address (in an earlier run)'),
        },
      })
      expect(store.leases).toMatchObject([{ subnet: lease.subnet, attributes: lease.attributes }])
    })

    it('keeps its subnet under another address, and takes no record of the node that had that', async ({
      clock,
      store,
      kernel,
      running,
      join,
    }) => {
      const first = await running()
      const { subnet } = first.lease
      const previous = await stopped(first)
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      kernel.addAddress('eth0', '192.0.2.77/24')
      join(77)
      const overlay = await running({ previous })
      expect(overlay.lease).toMatchObject({ subnet, attributes: { publicIp: '192.0.2.77' } })
      expect(store.leases).toHaveLength(2)
      await clock.advance(60_000)
      expect(overlay.lease.subnet).toBe(subnet)
      expect(overlay.status.inSync).toBe(true)
    })

    it('takes another subnet under another address if its record was written since, or it is a copy', async ({
      store,
      kernel,
      running,
    }) => {
      const first = await running()
      const { lease } = first
      const previous = await stopped(first)
      const copy = { ...previous, externalInterface: { name: 'eth0', macAddress: '02:00:00:00:77:77' } }
      kernel.deleteAddress('eth0', '192.0.2.1/24')
      kernel.addAddress('eth0', '192.0.2.77/24')
      const second = await running({ previous: copy })
      expect(second.lease.subnet).not.toBe(lease.subnet)
      await second.stop({ release: true })
      store.acquire({ attributes: lease.attributes })
      expect((await running({ previous })).lease.subnet).not.toBe(lease.subnet)
      expect(store.leases).toHaveLength(2)
    })
  })

  it('publishes a new address of the external interface, and keeps its subnet', async ({
    clock,
    store,
    kernel,
    running,
  }) => {
    const overlay = await running()
    const { subnet } = overlay.lease
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    kernel.addAddress('eth0', '192.0.2.77/24')
    await clock.advance(5_000)
    expect(store.leases.map((lease) => [lease.subnet, lease.attributes.publicIp])).toEqual([
      [subnet, '192.0.2.77'],
    ])
    expect(kernel.toText()).toMatch(/local 192\.0\.2\.77/)
    expect(overlay.status.inSync).toBe(true)
  })
})
