import { describe, expect } from 'vitest'
import { CONFIG, it } from '../../tests/overlay-fixture.js'

describe('a network config that changes', () => {
  const OTHER = { Network: '10.1.0.0/16', Backend: { Type: 'vxlan', VNI: 7 } }

  it('is reported, with what differs, and not followed while the lease stands', async ({
    clock,
    store,
    kernel,
    running,
    join,
  }) => {
    join(2)
    const overlay = await running()
    const text = kernel.toText()
    const reported: string[] = []
    overlay.on('config', ({ type, config, differences }) =>
      reported.push(`${type} ${config.ipv4?.network} ${differences.length}`),
    )
    overlay.on('warning', (warning) => reported.push(warning))
    store.setNetworkConfig(OTHER)
    await clock.advance(10 * 60_000)
    expect(reported).toEqual([
      'changed 10.1.0.0/16 4',
      expect.stringMatching(
        /^the network config in memory has changed: Network is 10.1.0.0\/16, was 10.244.0.0\/16;/,
      ),
    ])
    expect(reported[1]).toContain('Backend.VNI differs')
    expect(overlay.config.ipv4?.network).toBe('10.244.0.0/16')
    expect(kernel.toText()).toBe(text)
    store.setNetworkConfig(CONFIG)
    await clock.advance(2 * 60_000)
    expect(reported.slice(2)).toEqual([
      'changed 10.244.0.0/16 0',
      'the network config in memory is the one in force again',
    ])
  })

  it('counts when the lease is lost: the overlay restarts by it, as a whole', async ({
    clock,
    store,
    kernel,
    running,
  }) => {
    const overlay = await running()
    const heard: unknown[] = []
    overlay.on('status', (state) => heard.push(state))
    overlay.on('lease', ({ type, lease }) => {
      heard.push(
        `${type} ${overlay.subnetEnv({ ipMasq: false }).split('\n')[0]} ${lease.subnet?.split('.')[1]}`,
      )
    })
    const inSync = overlay.whenInSync()
    await inSync
    // It stays on its address, as it would without a restart.
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    kernel.addAddress('eth0', '192.0.2.99/24')
    kernel.addAddress('eth0', '192.0.2.1/24')
    store.setNetworkConfig(OTHER)
    store.release(overlay.lease)
    await clock.settle()
    expect(heard).toEqual([
      'lost FLANNEL_NETWORK=10.244.0.0/16 244',
      'starting',
      'changed FLANNEL_NETWORK=10.1.0.0/16 1',
      'running',
    ])
    await overlay.whenInSync()
    expect(overlay.config.ipv4?.network).toBe('10.1.0.0/16')
    expect(overlay.node.publicIp).toBe('192.0.2.1')
    expect(kernel.toText()).toContain('flannel.7')
    expect(kernel.toText()).not.toContain('flannel.1')
    expect(store.leases.map(({ subnet }) => subnet)).toEqual([overlay.lease.subnet])
    await overlay.stop({ cleanup: true })
    expect(kernel.toText()).not.toContain('flannel')
  })

  it('restarts for as long as it takes, keeps what it was until then, and takes waiters along', async ({
    clock,
    store,
    kernel,
    running,
  }) => {
    const overlay = await running()
    store.setNetworkConfig({ ...OTHER, Backend: { Type: 'host-gw' } })
    store.release(overlay.lease)
    await clock.advance(5_000)
    expect(overlay.status.state).toBe('starting')
    expect(overlay.mtu).toBe(1450)
    expect(kernel.toText()).toContain('flannel.1')
    const inSync = overlay.whenInSync()
    store.setNetworkConfig(OTHER)
    await clock.advance(30_000)
    await inSync
    expect(overlay.status).toMatchObject({ state: 'running', inSync: true })
    expect(overlay.lease.attributes.backendData).toMatchObject({ VNI: 7 })
  })

  it('ends a restart when the overlay is stopped', async ({ clock, store, running }) => {
    const overlay = await running()
    store.setNetworkConfig({ ...OTHER, Backend: { Type: 'host-gw' } })
    store.release(overlay.lease)
    await clock.advance(1_000)
    const never = expect(overlay.whenInSync()).rejects.toMatchObject({ code: 'CLOSED' })
    await overlay.stop()
    await never
    expect(overlay.status.state).toBe('stopped')
  })
})
