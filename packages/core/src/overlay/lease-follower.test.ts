import { vxlan } from '@selvedge/backend-vxlan'
import { FakeClock } from '@selvedge/conformance'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LeaseContext } from '../contract/node-context.js'
import type { LeaseEvent, SubnetManager, WatchOptions } from '../contract/subnet-manager.js'
import type { Lease } from '../lease/lease.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { DesiredState } from '../reconciler/desired-state.js'
import { OverlayError } from '../util/errors.js'
import { LeaseFollower } from './lease-follower.js'

const lease = (n: number): Lease => ({
  subnet: `10.244.${n}.0/24`,
  attributes: {
    publicIp: `192.0.2.${n}`,
    backendType: 'vxlan',
    backendData: { VNI: 1, VtepMAC: `02:00:00:00:00:0${n}` },
  },
})

const context: LeaseContext = {
  config: parseNetworkConfig({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }),
  externalInterface: { name: 'eth0', mtu: 1500, ipv4: '192.0.2.1', onLink: ['192.0.2.0/24'] },
  publicIp: '192.0.2.1',
  lease: lease(1),
}

describe('LeaseFollower', () => {
  const clock = new FakeClock()
  let addresses: readonly string[]
  let desired: DesiredState
  let heard: string[]
  let stop: AbortController
  let running: Promise<void>
  let watch: (WatchOptions & { next(event: LeaseEvent): void }) | undefined

  beforeEach(() => {
    addresses = []
    heard = []
    desired = new DesiredState(() => undefined)
    stop = new AbortController()
    const subnets = {
      name: 'etcd',
      addresses: () => addresses,
      async *watchLeases(options: WatchOptions) {
        const queue: LeaseEvent[] = []
        let wake = (): void => undefined
        options.signal.addEventListener('abort', () => wake())
        watch = {
          ...options,
          next: (event) => {
            queue.push(event)
            wake()
          },
        }
        while (!options.signal.aborted) {
          const event = queue.shift()
          if (event !== undefined) yield event
          else
            await new Promise<void>((resolve) => {
              wake = resolve
            })
        }
      },
    }
    const follower = new LeaseFollower({
      config: context.config,
      backend: vxlan(),
      subnets: subnets as unknown as SubnetManager,
      clock,
      desired,
      context: () => context,
      isOwnResource: () => false,
      ownLinks: () => [],
      isHeld: () => true,
      onOwn: (own) => heard.push(`own ${own?.subnet}`),
      onListed: () => heard.push('listed'),
      onSurroundings: () => heard.push('surroundings'),
      onPeer: ({ type, lease: { subnet } }) => heard.push(`${type} ${subnet}`),
      onOutside: () => undefined,
      onWarning: (text) => heard.push(text),
      onStore: () => undefined,
      onError: ({ code }) => heard.push(code),
    })
    running = follower.run(stop.signal)
  })

  afterEach(async () => {
    stop.abort()
    await running
  })

  const routes = () => [...desired].filter(({ kind }) => kind === 'route').map(({ key }) => key)

  it('takes in what the store has: the peers, and what is under our own key', async () => {
    watch?.next({ type: 'snapshot', leases: [lease(1), lease(2)] })
    await clock.settle()
    expect(heard).toEqual(['put 10.244.2.0/24', 'own 10.244.1.0/24', 'listed'])
    watch?.next({ type: 'delete', lease: lease(1) })
    await clock.settle()
    expect(heard.at(-1)).toBe('own undefined')
    expect(routes()).toHaveLength(1)
  })

  it("withdraws what covers the store's address, learned while the store is lost", async () => {
    watch?.next({ type: 'snapshot', leases: [lease(1), lease(2), lease(3)] })
    await clock.settle()
    expect(routes()).toHaveLength(2)
    watch?.onError?.(new OverlayError('STORE_UNAVAILABLE', 'no answer'))
    await clock.advance(5_000)
    expect(heard.filter((text) => text === 'surroundings')).toEqual([])
    addresses = ['10.244.3.9']
    await clock.advance(1_000)
    await clock.settle()
    expect(routes()).toHaveLength(1)
    expect(heard.slice(-2)).toEqual(['INVALID_LEASE', 'surroundings'])
  })
})
