import { vxlan } from '@selvedge/backend-vxlan'
import { FakeClock, FakeKernel } from '@selvedge/conformance'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { test } from 'vitest'
import type { Lease } from '../src/lease/lease.js'
import type { OverlayOptions } from '../src/overlay/options.js'
import { createOverlay, type Overlay } from '../src/overlay/overlay.js'

export const HOUR_MS = 3_600_000
export const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

/** What another node publishes; `n` is its host number. */
export const peerAttributes = (n: number) => ({
  publicIp: `192.0.2.${n}`,
  backendType: 'vxlan',
  backendData: { VNI: 1, VtepMAC: `02:00:00:00:00:${n.toString(16).padStart(2, '0')}` },
})

/** A test of overlays on a host with a fake kernel; those that it composes are stopped after it. */
export const it = test
  .extend('config', (): object => CONFIG)
  .extend('addresses', (): readonly string[] => ['192.0.2.1/24'])
  .extend('clock', () => new FakeClock())
  .extend('store', ({ clock, config }) => new MemoryStore({ config, leaseTermMs: 24 * HOUR_MS, clock }))
  .extend(
    'kernel',
    ({ clock, addresses }) => new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses }] }),
  )
  .extend('compose', ({ clock, store, kernel }, { onCleanup }) => {
    const composed: Overlay[] = []
    onCleanup(async () => {
      for (const overlay of composed) await overlay.stop()
    })
    return (options: Partial<OverlayOptions> = {}): Overlay => {
      const overlay = createOverlay({
        subnets: new MemorySubnetManager(store),
        backend: vxlan(),
        drivers: [kernel.driver()],
        clock,
        random: () => 0.5,
        ...options,
      })
      composed.push(overlay)
      return overlay
    }
  })
  .extend(
    'running',
    ({ clock, compose }) =>
      async (options: Partial<OverlayOptions> = {}): Promise<Overlay> => {
        const overlay = compose(options)
        await overlay.start()
        await clock.settle()
        return overlay
      },
  )
  .extend(
    'join',
    ({ store }) =>
      (n: number, subnet = `10.244.${n}.0/24`): Lease =>
        store.reserve({ subnet, attributes: peerAttributes(n) }),
  )
