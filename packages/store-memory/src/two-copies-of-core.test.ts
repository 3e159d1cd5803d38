/** A store that brought a copy of core of its own, under an overlay made by another: what npm installs easily. */
import { FakeClock, FakeKernel } from '@selvedge/conformance'
import * as core from '@selvedge/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const HOUR = 3_600_000

describe('two copies of core in one process', () => {
  let other: typeof core
  let memory: typeof import('./index.js')

  beforeEach(async () => {
    vi.resetModules()
    other = await import('@selvedge/core')
    memory = await import('./index.js')
  })

  afterEach(() => vi.resetModules())

  it('are two', () => {
    expect(other.OverlayError).not.toBe(core.OverlayError)
  })

  it("know each other's errors", () => {
    const error: unknown = new other.OverlayError('LEASE_LOST', 'the lease is gone')
    expect(core.isOverlayError(error)).toBe(true)
    expect(core.isOverlayError(error, 'LEASE_LOST')).toBe(true)
    expect(core.isOverlayError(error, 'CLOSED')).toBe(false)
    expect(core.OverlayError.from(error, 'STORE_UNAVAILABLE', 'renewing')).toBe(error)
  })

  it('acquire a lease again that the store of the one says is lost to the overlay of the other', async () => {
    const clock = new FakeClock()
    const store = new memory.MemoryStore({ config: { Network: '10.244.0.0/16' }, clock })
    const kernel = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
    await using overlay = core.createOverlay({
      subnets: new memory.MemorySubnetManager(store),
      backend: {
        type: 'none',
        mtu: () => 1500,
        attributes: ({ publicIp }) => ({ publicIp }),
        local: () => [],
        peer: () => [],
      },
      drivers: [kernel.driver()],
      clock,
    })
    const events: string[] = []
    overlay.on('lease', ({ type }) => events.push(type))
    await overlay.start()
    const [lease] = store.leases
    // Nobody sees it vanish, so that it is the renewal that meets `LEASE_LOST`.
    const observe = vi.spyOn(store, 'changesSince').mockReturnValue({ events: [], revision: 0 })
    store.remove(lease ?? {})
    await clock.advance(23.5 * HOUR)
    observe.mockRestore()
    expect(events).toEqual(['acquired', 'lost', 'acquired'])
    expect(store.leases).toMatchObject([{ subnet: lease?.subnet }])
  })
})
