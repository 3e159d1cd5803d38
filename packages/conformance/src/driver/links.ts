import assert from 'node:assert/strict'
import { done, failed } from '../assertions.js'
import { deletes, puts } from '../operations.js'
import { type DriverSection, held, holds } from './fixture.js'
import { DEVICE, device, otherVni, ownAddress, peer, resourcesOf } from './samples.js'

export function linkTests({ test }: DriverSection): void {
  test('leaves to the kernel what a resource leaves open', async (host) => {
    const driver = await host.connect()
    const { mtu: _mtu, macAddress: _mac, alias: _alias, ...open } = device()
    await done(driver, puts(open))
    const actual = (await held(driver)).get(open.key)
    assert.ok(actual?.kind === 'link')
    assert.equal(actual.mtu, 1450, 'the MTU of the parent less what VXLAN takes')
    assert.match(actual.macAddress ?? '', /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
    await done(driver, puts(open))
    assert.deepEqual((await held(driver)).get(open.key), actual)
  })

  for (const [what, changed] of [
    ['MTU', device({ mtu: 1350 })],
    ['MAC', device({ macAddress: '02:aa:00:00:00:02' })],
    ['alias', device({ alias: 'selvedge' })],
    ['accept_ra', device({ acceptRouterAdvertisements: true })],
  ] as const) {
    test(`changes the MTU, MAC, alias and accept_ra of a link in place: ${what}`, async (host) => {
      const driver = await host.connect()
      const { fdb } = peer(2)
      await done(driver, puts(device(), ownAddress, fdb))
      await done(driver, puts(changed))
      await holds(driver, [changed, ownAddress, fdb])
    })
  }

  test('brings up a link that is down, and takes one down', async (host) => {
    const driver = await host.connect()
    await done(driver, puts(device()))
    await host.run(`ip link set ${DEVICE} down`)
    await holds(driver, [device({ up: false })])
    await done(driver, puts(device()))
    await holds(driver, [device()])
    await done(driver, puts(device({ up: false })))
    await holds(driver, [device({ up: false })])
  })

  // Linux drops neighbours with a new MAC, routes with a link that goes down, IPv6 with an MTU under 1280.
  for (const [what, changed] of [
    ['its MAC changes', device({ macAddress: '02:aa:00:00:00:02' })],
    ['it goes down', device({ up: false })],
    ['it is recreated', otherVni()],
  ] as const) {
    test(`says that other resources may have changed if a link loses some: ${what}`, async (host) => {
      const driver = await host.connect()
      const others = [ownAddress, ...resourcesOf(peer(2))]
      await done(driver, puts(device(), ...others))
      const [result] = await done(driver, puts(changed))
      const keys = await held(driver)
      const lost = others.filter(({ key }) => !keys.has(key))
      assert.ok(
        lost.length === 0 || result?.stale === true,
        `lost ${lost.map(({ key }) => key)}, and was not said to be stale`,
      )
    })
  }

  for (const [what, { settings }] of [
    ['VNI', otherVni()],
    ['port', { settings: { ...device().settings, port: 4789 } }],
    ['local address', { settings: { ...device().settings, local: '192.168.0.77' } }],
    ['parent', { settings: { ...device().settings, parent: 'slv-parent' } }],
    ['learning', { settings: { ...device().settings, learning: true } }],
    ['GBP', { settings: { ...device().settings, gbp: true } }],
  ] as const) {
    test(`recreates a link of which a setting differs that cannot be changed in place: ${what}`, async (host) => {
      const driver = await host.connect()
      await host.run('ip link add slv-parent type bridge')
      await done(driver, puts(device(), ownAddress, ...resourcesOf(peer(2))))
      const desired = device({ settings })
      const [result] = await done(driver, puts(desired))
      assert.equal(result?.stale, true, 'a recreated link has lost what was on it')
      await holds(driver, [desired])
      await done(driver, puts(desired, ownAddress, ...resourcesOf(peer(2))))
      await holds(driver, [desired, ownAddress, ...resourcesOf(peer(2))])
    })
  }

  test('refuses to put or delete a link if one of another type has its name', async (host) => {
    const driver = await host.connect()
    await host.run(`ip link add ${DEVICE} type bridge`)
    const before = await host.state()
    for (const operations of [puts(device()), deletes(device())]) {
      const { code, error } = failed((await driver.apply(operations))[0])
      assert.equal(code, 'RESOURCE_CONFLICT')
      assert.ok(error.message.includes(DEVICE), `the message names the link: ${error.message}`)
    }
    assert.equal(await host.state(), before)
  })

  test('adopts a link that is as desired, whoever made it', async (host) => {
    const driver = await host.connect()
    await host.run(
      `ip link add ${DEVICE} address 02:aa:00:00:00:01 mtu 1400 type vxlan id 1 dstport 8472 local 192.168.0.1 dev eth0 nolearning`,
      `bridge fdb add 02:bb:00:00:00:02 dev ${DEVICE} dst 192.168.0.2 self permanent`,
    )
    await done(driver, puts(device()))
    await holds(driver, [device(), peer(2).fdb])
  })

  test('fails if another link has the VNI, and leaves that one alone', async (host) => {
    const driver = await host.connect()
    await host.run('ip link add slv-other type vxlan id 1 dstport 8472 dev eth0 local 192.168.0.1')
    const before = await host.state()
    const { code } = failed((await driver.apply(puts(device())))[0])
    assert.equal(code, 'RESOURCE_CONFLICT')
    assert.equal(await host.state(), before)
  })

  test('fails if the parent does not exist', async (host) => {
    const driver = await host.connect()
    const desired = device({
      settings: { vni: 1, port: 8472, parent: 'slv-none', learning: false, gbp: false },
    })
    const { errno, code } = failed((await driver.apply(puts(desired)))[0])
    assert.deepEqual([code, errno], ['DRIVER_REFUSED', 'ENODEV'])
  })

  test('finds nothing of a link that went with its parent, and deletes what was on it', async (host) => {
    const driver = await host.connect()
    await host.run('ip link add slv-parent type bridge')
    const desired = device({
      settings: {
        vni: 1,
        port: 8472,
        local: '192.168.0.1',
        parent: 'slv-parent',
        learning: false,
        gbp: false,
      },
    })
    const all = [desired, ownAddress, ...resourcesOf(peer(2))]
    await done(driver, puts(...all))
    await host.run('ip link del slv-parent')
    await holds(driver, [])
    await done(driver, deletes(...all.toReversed()))
  })
}
