import { FakeClock, FakeKernel } from '@selvedge/conformance'
import { beforeEach, describe, expect, it } from 'vitest'
import { parseNetworkConfig } from '../lease/network-config.js'
import { OverlayError } from '../util/errors.js'
import { type FoundInterface, findExternalInterface, placeOf } from './external-interface.js'
import { InterfaceWatch } from './interface-watch.js'

const config = parseNetworkConfig({ Network: '10.244.0.0/16' })

describe('InterfaceWatch', () => {
  let clock: FakeClock
  let kernel: FakeKernel
  let inForce: FoundInterface
  let heard: string[]
  let watch: InterfaceWatch

  beforeEach(async () => {
    clock = new FakeClock()
    kernel = new FakeKernel({
      clock,
      interfaces: [
        { name: 'eth0', addresses: ['192.0.2.1/24', '2001:db8::1/64'] },
        { name: 'eth1', addresses: ['198.51.100.1/24'] },
      ],
    })
    const drivers = [kernel.driver()]
    inForce = await findExternalInterface(drivers, {})
    heard = []
    watch = new InterfaceWatch({
      drivers,
      config,
      clock,
      found: inForce,
      adopt: (found) => {
        if (found.externalInterface.mtu < 1400) throw new OverlayError('INTERFACE_UNSUITABLE', 'too narrow')
        inForce = found
        heard.push(`${placeOf(found.externalInterface)} mtu ${found.externalInterface.mtu}`)
      },
      onAwaited: (why) => heard.push(`awaited: ${why}`),
      lookAgain: () => heard.push('look again'),
      onWarning: (text) => heard.push(text),
      onError: ({ code }) => heard.push(code),
      onRecovered: ({ code }) => heard.push(`no more ${code}`),
    })
  })

  /** Looks until everything has come to rest. */
  async function lookFor(milliseconds: number): Promise<void> {
    await watch.look({})
    for (let passed = 0; passed < milliseconds; passed += 500) {
      await clock.advance(500)
      await watch.look({})
    }
  }

  it('keeps the address in force, whichever come beside it', async () => {
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    kernel.addAddress('eth0', '192.0.2.77/24')
    kernel.addAddress('eth0', '192.0.2.1/24')
    await lookFor(60_000)
    expect(placeOf(inForce.externalInterface)).toBe('eth0 (192.0.2.1, 2001:db8::1)')
    expect(heard.filter((line) => line.includes('gone'))).toEqual([])
  })

  it('follows its MTU at once', async () => {
    kernel.changeLink('eth0', { mtu: 9000 })
    await watch.look({})
    expect(heard).toEqual(['eth0 (192.0.2.1, 2001:db8::1) mtu 9000'])
  })

  it('does not move for an address that is given back within three seconds', async () => {
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    await lookFor(2_500)
    expect(heard).toEqual([])
    kernel.addAddress('eth0', '192.0.2.1/24')
    await lookFor(60_000)
    expect(heard.filter((line) => line.includes('gone'))).toEqual([])
    expect(placeOf(inForce.externalInterface)).toBe('eth0 (192.0.2.1, 2001:db8::1)')
  })

  it('moves, and says so, once the address is gone for longer', async () => {
    kernel.deleteAddress('eth0', '2001:db8::1/64')
    kernel.deleteAddress('eth0', '192.0.2.1/24')
    await lookFor(3_000)
    expect(heard).toEqual([
      'look again',
      'eth1 (198.51.100.1) mtu 1500',
      'the external interface eth0 (192.0.2.1) is gone: packets to peers leave by eth1 (198.51.100.1) now',
    ])
    kernel.addAddress('eth0', '192.0.2.1/24')
    await lookFor(60_000)
    expect(heard.filter((line) => line.includes('gone'))).toHaveLength(1)
    expect(placeOf(inForce.externalInterface)).toBe('eth1 (198.51.100.1)')
  })

  it('does not move for an address of a family that the network does not have', async () => {
    kernel.deleteAddress('eth0', '2001:db8::1/64')
    await watch.look({})
    expect(heard).toEqual(['eth0 (192.0.2.1) mtu 1500'])
  })

  it('keeps what it knew of one that will not do, and reports it once', async () => {
    kernel.changeLink('eth0', { mtu: 1300 })
    await lookFor(60_000)
    expect(heard).toEqual(['INTERFACE_UNSUITABLE'])
    expect(inForce.externalInterface.mtu).toBe(1500)
    kernel.changeLink('eth0', { mtu: 1500 })
    await watch.look({})
    kernel.changeLink('eth0', { mtu: 1300 })
    await watch.look({})
    expect(heard).toEqual(['INTERFACE_UNSUITABLE', 'no more INTERFACE_UNSUITABLE', 'INTERFACE_UNSUITABLE'])
  })

  it('keeps the reason that it was chosen for', async () => {
    kernel.changeLink('eth0', { mtu: 9000 })
    await watch.look({})
    expect(inForce).toMatchObject({
      origin: 'fake-kernel: it is the first with an address',
      externalInterface: { reason: 'it is the first with an address' },
    })
  })
})
