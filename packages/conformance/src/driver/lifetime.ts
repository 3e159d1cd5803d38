import assert from 'node:assert/strict'
import type { Driver } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import { done } from '../assertions.js'
import { puts } from '../operations.js'
import { type DriverSection, holds } from './fixture.js'
import { device, ownAddress, SCOPE } from './samples.js'

export function lifetimeTests({ supports, test }: DriverSection): void {
  /** Every call that a driver has. */
  const calls = (driver: Driver<KernelResource>, signal?: AbortSignal): Promise<unknown>[] => [
    driver.snapshot(SCOPE, { signal }),
    driver.apply(puts(device()), { signal }),
    ...(driver.preflight === undefined ? [] : [driver.preflight(['vxlan'], { signal })]),
    ...(driver.externalInterface === undefined ? [] : [driver.externalInterface({ signal })]),
  ]

  test('has a name, and the kinds of resources that it holds', async (host) => {
    const { name, kinds } = await host.connect()
    assert.ok(name.length > 0)
    assert.deepEqual([...kinds].toSorted(), ['address', 'fdb', 'link', 'neighbour', 'route'])
  })

  test('rejects with the reason of a signal that is aborted already, and does nothing', async (host) => {
    const driver = await host.connect()
    const before = await host.state()
    const reason = new Error('enough')
    for (const result of await Promise.allSettled(calls(driver, AbortSignal.abort(reason)))) {
      assert.equal(result.status === 'rejected' && result.reason, reason)
    }
    assert.equal(await host.state(), before)
  })

  test('rejects with the reason of a signal that aborts meanwhile, or is done by then', async (host) => {
    const driver = await host.connect()
    const controller = new AbortController()
    const reason = new Error('enough')
    const running = calls(driver, controller.signal)
    controller.abort(reason)
    for (const result of await host.soon(Promise.allSettled(running), 'the end of every call')) {
      if (result.status === 'rejected') assert.equal(result.reason, reason)
    }
    await done(driver, puts(device()))
    await holds(driver, [device()])
  })

  test('goes on working after a signal has aborted', async (host) => {
    const driver = await host.connect()
    await assert.rejects(driver.apply(puts(device()), { signal: AbortSignal.abort(new Error('enough')) }))
    await done(driver, puts(device()))
    await holds(driver, [device()])
  })

  test('rejects every call with CLOSED once it is disposed of, and leaves what it put', async (host) => {
    const driver = await host.connect()
    await done(driver, puts(device(), ownAddress))
    const before = await host.state()
    await driver[Symbol.asyncDispose]()
    await driver[Symbol.asyncDispose]()
    for (const result of await Promise.allSettled(calls(driver))) {
      assert.ok(result.status === 'rejected', 'a call to a driver that was disposed of went through')
      assert.equal(result.reason?.code, 'CLOSED')
    }
    assert.equal(await host.state(), before)
    await holds(await host.connect(), [device(), ownAddress])
  })

  if (supports.preflight) {
    test('checks what a backend requires, and changes nothing', async (host) => {
      const driver = await host.connect()
      assert.ok(driver.preflight)
      const before = await host.state()
      for (const warning of await driver.preflight(['vxlan'])) assert.equal(typeof warning, 'string')
      await assert.rejects(driver.preflight(['vxlan', 'slv-no-such']), (error: Error) => {
        assert.match(error.message, /slv-no-such/)
        assert.equal(Reflect.get(error, 'code'), 'UNSUPPORTED')
        return true
      })
      assert.equal(await host.state(), before)
    })
  }

  if (supports.externalInterface) {
    test('finds the external interface, as it is at each call', async (host) => {
      const driver = await host.connect()
      assert.ok(driver.externalInterface)
      const before = await driver.externalInterface()
      assert.deepEqual(
        { name: before.name, mtu: before.mtu, ipv4: before.ipv4 },
        { name: 'eth0', mtu: 1500, ipv4: '192.168.0.1' },
      )
      assert.ok(before.onLink.includes('192.168.0.0/24'), `on-link: ${before.onLink}`)
      if (supports.ipv6) assert.equal(before.ipv6, 'fd00::1')
      await host.run('ip link set eth0 mtu 1460')
      assert.equal((await driver.externalInterface()).mtu, 1460)
    })

    test('keeps the external interface in force while it is up and bears its address', async (host) => {
      const driver = await host.connect()
      assert.ok(driver.externalInterface)
      await host.run('ip addr add 192.168.0.77/24 dev eth0')
      const current = { ...(await driver.externalInterface()), ipv4: '192.168.0.77', reason: 'of this test' }
      const { name, ipv4, reason } = await driver.externalInterface({ current })
      assert.deepEqual({ name, ipv4, reason }, { name: 'eth0', ipv4: '192.168.0.77', reason: 'of this test' })
      await host.run('ip addr del 192.168.0.77/24 dev eth0')
      assert.equal((await driver.externalInterface({ current })).ipv4, '192.168.0.1')
    })

    test('chooses what an earlier run chose while it is up and bears its address', async (host) => {
      const driver = await host.connect()
      assert.ok(driver.externalInterface)
      await host.run('ip addr add 192.168.0.77/24 dev eth0')
      const previous = { ...(await driver.externalInterface()), ipv4: '192.168.0.77' }
      const { name, ipv4, reason } = await driver.externalInterface({ previous })
      assert.deepEqual(
        { name, ipv4, reason },
        { name: 'eth0', ipv4: '192.168.0.77', reason: previous.reason },
      )
      await host.run('ip addr del 192.168.0.77/24 dev eth0')
      assert.equal((await driver.externalInterface({ previous })).ipv4, '192.168.0.1')
    })
  }
}
