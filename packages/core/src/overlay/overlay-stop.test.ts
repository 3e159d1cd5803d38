import { MemoryDriver } from '@selvedge/conformance'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect, vi } from 'vitest'
import { CONFIG, it, peerAttributes } from '../../tests/overlay-fixture.js'

function message(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (error instanceof TypeError) return error.message
  }
  return 'no TypeError'
}

describe('stop', () => {
  it('leaves traffic flowing and the lease held', async ({ store, kernel, running, join }) => {
    join(2)
    const overlay = await running()
    const text = kernel.toText()
    await overlay.stop()
    expect(kernel.toText()).toBe(text)
    expect(store.leases).toHaveLength(2)
    expect(overlay.status.state).toBe('stopped')
  })

  it('has what a start brings say why it is not there: before it, meanwhile, and after a stop', async ({
    clock,
    compose,
  }) => {
    const overlay = compose({ subnets: new MemorySubnetManager(new MemoryStore({ clock })) })
    const why = () => [() => overlay.lease, () => overlay.mtu].map(message)
    expect(why()).toEqual([
      'there is no lease yet: call start(), and wait for it',
      'there is no node yet: call start(), and wait for it',
    ])
    const start = overlay.start()
    expect(why()[0]).toBe('there is no lease yet: start() has not resolved')
    await expect(overlay.start()).rejects.toThrow('an overlay is started once: start() was called before')
    await Promise.all([overlay.stop(), expect(start).rejects.toMatchObject({ code: 'CLOSED' })])
    expect(why()[0]).toBe('there is no lease: this overlay was stopped before it had one')
  })

  it('removes all that is ours and nothing else, and gives the lease back, when asked to', async ({
    store,
    kernel,
    running,
    join,
  }) => {
    kernel.addRoute({
      destination: '10.99.0.0/16',
      gateway: '192.0.2.254',
      device: 'eth0',
      protocol: 'bird',
    })
    const before = kernel.toText()
    join(2)
    const overlay = await running()
    await overlay.whenInSync()
    const written = kernel.requests.length
    await overlay.stop({ cleanup: true, release: true })
    expect(kernel.toText()).toBe(before)
    expect(kernel.requests.slice(written).filter(({ type }) => type === 'put')).toEqual([])
    expect(store.leases.map(({ subnet }) => subnet)).toEqual(['10.244.2.0/24'])
  })

  it('removes what it wrote to a shared holder when it gives the lease back, and only then', async ({
    store,
    kernel,
    running,
  }) => {
    const route = { kind: 'cloud-route', key: 'cloud-route mine' }
    const start = async () => {
      const cloud = Object.assign(new MemoryDriver({ name: 'cloud', kinds: ['cloud-route'] }), {
        shared: true,
      })
      const part = { name: 'cloud', local: () => [route] }
      return { cloud, overlay: await running({ parts: [part], drivers: [kernel.driver(), cloud] }) }
    }
    const kept = await start()
    await kept.overlay.stop()
    expect(kept.cloud.resources).toEqual([route])
    const left = await start()
    const text = kernel.toText()
    await left.overlay.stop({ release: true })
    expect(left.cloud.resources).toEqual([])
    expect(kernel.toText()).toBe(text)
    expect(store.leases).toEqual([])
  })

  it('never gives back a reservation', async ({ store, running }) => {
    const attributes = { ...peerAttributes(1), backendData: { VNI: 1, VtepMAC: '02:00:00:00:00:01' } }
    store.reserve({ subnet: '10.244.7.0/24', attributes })
    const overlay = await running()
    expect(overlay.lease.subnet).toBe('10.244.7.0/24')
    await overlay.stop({ release: true })
    expect(store.leases).toHaveLength(1)
  })

  it('is idempotent, also while it is under way, and disposes of the store and the drivers once', async ({
    store,
    running,
  }) => {
    const subnets = new MemorySubnetManager(store)
    const dispose = vi.spyOn(subnets, Symbol.asyncDispose)
    const overlay = await running({ subnets })
    await Promise.all([overlay.stop(), overlay.stop()])
    await overlay[Symbol.asyncDispose]()
    expect(dispose).toHaveBeenCalledTimes(1)
  })

  it('ends a start that is under way, and whoever waits', async ({ clock, kernel, compose }) => {
    const store = new MemoryStore({ clock })
    const waiting = compose({ subnets: new MemorySubnetManager(store) })
    const start = waiting.start()
    const ended = expect(start).rejects.toMatchObject({ code: 'CLOSED' })
    await waiting.stop()
    await ended
    store.setNetworkConfig(CONFIG)
    kernel.slow({ snapshotMs: 1_000 })
    const overlay = compose({ subnets: new MemorySubnetManager(store) })
    const begun = overlay.start()
    await clock.advance(1_000)
    await clock.advance(1_000)
    await begun
    overlay.resync()
    const never = expect(overlay.whenInSync()).rejects.toMatchObject({ code: 'CLOSED' })
    await overlay.stop()
    await never
  })

  it('may come before start', async ({ compose }) => {
    const overlay = compose()
    await overlay.stop()
    expect(overlay.status.state).toBe('stopped')
  })
})
