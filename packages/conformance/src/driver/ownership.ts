import assert from 'node:assert/strict'
import { done, failed } from '../assertions.js'
import { deletes, puts } from '../operations.js'
import { type DriverSection, holds, type TestHost } from './fixture.js'
import { DEVICE, device, everySort, ownAddress, peer, resourcesOf } from './samples.js'

/** Foreign state on the host, some of it inside our network and on our own link. */
async function addForeignState(host: TestHost, { ipv6 }: { readonly ipv6: boolean }): Promise<void> {
  await host.run(
    'ip link add slv-bridge type bridge',
    'ip link set slv-bridge up',
    'ip addr add 172.20.0.1/16 dev slv-bridge',
    'ip route add 172.30.0.0/16 via 172.20.0.9 dev slv-bridge proto bird',
    'ip route add 10.99.220.0/24 dev slv-bridge proto static',
    `ip route add 10.99.221.0/24 dev ${DEVICE} proto static`,
    `ip route add 10.99.222.0/24 via 192.168.0.9 dev eth0 proto zebra metric 20`,
    'ip neigh add 192.168.0.50 lladdr 02:cc:00:00:00:50 dev eth0 nud permanent',
    `ip addr add 172.31.9.1/32 dev ${DEVICE}`,
    `ip neigh add 10.99.250.1 lladdr 02:cc:00:00:00:51 dev ${DEVICE} nud stale`,
    `bridge fdb add 02:cc:00:00:00:52 dev ${DEVICE} dst 192.168.0.52 self dynamic`,
  )
  if (!ipv6) return
  await host.run(
    'ip -6 route add fd99:0:0:220::/64 dev slv-bridge proto static',
    `ip -6 route add fd99:0:0:221::/64 dev ${DEVICE} proto static`,
    `ip -6 neigh add fd99::250 lladdr 02:cc:00:00:00:53 dev ${DEVICE} nud stale`,
  )
}

export function ownershipTests({ supports, test }: DriverSection): void {
  test('lists nothing foreign, and leaves all of it as it is', async (host) => {
    const driver = await host.connect()
    await done(driver, puts(device(), ownAddress))
    await addForeignState(host, supports)
    const before = await host.state()
    await holds(driver, [device(), ownAddress])
    const desired = everySort(supports)
    await done(driver, puts(...desired))
    await holds(driver, desired)
    await done(driver, deletes(...desired.slice(2).toReversed()))
    await holds(driver, [device(), ownAddress])
    assert.equal(await host.state(), before)
  })

  for (const [what, foreign] of [
    ['one that leads elsewhere', 'via 192.168.0.9 dev eth0 proto static'],
    ["the kernel's own", 'dev eth0 proto kernel'],
  ] as const) {
    test(`refuses to put a route if a foreign one is at its key: ${what}`, async (host) => {
      const driver = await host.connect()
      const { route } = peer(2)
      await done(driver, puts(device(), ownAddress))
      await host.run(`ip route add ${route.destination} ${foreign}`)
      const before = await host.state()
      const { code, error } = failed((await driver.apply(puts(route)))[0])
      assert.equal(code, 'RESOURCE_CONFLICT')
      assert.ok(error.message.includes(route.destination), `the message names the route: ${error.message}`)
      await done(driver, deletes(route))
      await holds(driver, [device(), ownAddress])
      assert.equal(await host.state(), before)
    })
  }

  for (const [what, foreign] of [
    ['the same way, as flanneld leaves it', `via 10.99.0.32 dev ${DEVICE} onlink`],
    ['through a link of ours', `dev ${DEVICE} proto static`],
  ] as const) {
    test(`adopts a foreign route at its key that leads the same way, or through a link of ours: ${what}`, async (host) => {
      const driver = await host.connect()
      const { route } = peer(2)
      await done(driver, puts(device(), ownAddress))
      await host.run(`ip route add ${route.destination} ${foreign}`)
      await holds(driver, [device(), ownAddress])
      await done(driver, puts(route))
      await holds(driver, [device(), ownAddress, route])
      await done(driver, deletes(route))
      assert.ok(!(await host.state()).includes(route.destination), `${route.destination} is still there`)
    })
  }

  test('leaves a foreign route with another metric alone, and keeps its own beside it', async (host) => {
    const driver = await host.connect()
    const { route } = peer(2)
    await done(driver, puts(device(), ownAddress))
    await host.run(`ip route add ${route.destination} via 192.168.0.9 dev eth0 proto static metric 50`)
    const before = await host.state()
    await done(driver, puts(route))
    await holds(driver, [device(), ownAddress, route])
    await done(driver, deletes(route))
    assert.equal(await host.state(), before)
  })

  test('lists what other processes made permanent on a link of ours', async (host) => {
    const driver = await host.connect()
    const all = resourcesOf(peer(2)).filter(({ kind }) => kind !== 'route')
    await done(driver, puts(device()))
    await host.run(
      `ip addr add 10.99.0.16/32 dev ${DEVICE}`,
      `ip neigh add 10.99.0.32 lladdr 02:bb:00:00:00:02 dev ${DEVICE} nud permanent`,
      `bridge fdb add 02:bb:00:00:00:02 dev ${DEVICE} dst 192.168.0.2 self permanent`,
    )
    await holds(driver, [device(), ownAddress, ...all])
    await done(driver, deletes(...all, ownAddress))
    await holds(driver, [device()])
  })
}
