import { blackholeRoute, type Driver, parseNetworkConfig } from '@selvedge/core'
import { type KernelResource, type RouteResource, route, satisfies } from '@selvedge/core/kit'
import { asShown, documentBlock } from '@selvedge/lab'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { linux } from '../src/index.js'
import { TestNamespace, until } from './namespace.js'
import { deletes, done, peer, puts, SCOPE, vxlan } from './overlay-samples.js'

let namespace: TestNamespace
let drivers: Driver<KernelResource>[]

beforeEach(async () => {
  namespace = new TestNamespace()
  namespace.addExternalInterface('192.168.0.1/24')
  drivers = []
  await done(await open(), puts(vxlan()))
})

afterEach(async () => {
  for (const driver of drivers) await driver[Symbol.asyncDispose]()
  namespace[Symbol.dispose]()
})

/** A driver that has read. */
async function open(nexthopThreshold = 4): Promise<Driver<KernelResource>> {
  const driver = linux({ namespace: namespace.path, nexthopThreshold })
  drivers.push(driver)
  await driver.snapshot(SCOPE)
  return driver
}

const routesOf = (first: number, end: number): RouteResource[] =>
  Array.from({ length: end - first }, (_, index) => peer(first + index).route)

const nexthops = () => namespace.ipJson('nexthop show')

/** How `ip` shows our routes: the destinations of those that are inline, and of those through nexthop objects. */
function shown(): { inline: unknown[]; objects: unknown[] } {
  const routes = namespace.ipJson('route show proto 157')
  const destinations = (some: Record<string, unknown>[]) => some.map(({ dst }) => dst)
  return {
    inline: destinations(routes.filter(({ nhid }) => nhid === undefined)),
    objects: destinations(routes.filter(({ nhid }) => nhid !== undefined)),
  }
}

async function expectHeld(driver: Driver<KernelResource>, desired: readonly RouteResource[]): Promise<void> {
  const held = (await driver.snapshot(SCOPE)).filter(({ kind }) => kind === 'route')
  expect(held.map(({ key }) => key).sort()).toEqual(desired.map(({ key }) => key).sort())
  const byKey = new Map(held.map((resource) => [resource.key, resource]))
  for (const resource of desired) {
    const actual = byKey.get(resource.key)
    expect(actual !== undefined && satisfies(actual, resource), resource.key).toBe(true)
  }
}

test('what the README has an operator look at shows the mark, routes, nexthops, a neighbour and an fdb entry', async () => {
  const { neighbour, fdb } = peer(5)
  await done(await open(), puts(...routesOf(0, 10), neighbour, fdb))
  const looks = documentBlock('packages/dataplane-linux/README.md', 'ip -d link show type vxlan').split('\n')
  const shown = looks.map((look) => namespace.exec('sh', '-ec', look))
  expect(shown).toEqual([
    expect.stringMatching(/alias selvedge /),
    expect.stringMatching(/^10\.0\.1\.0\/24 .*via 10\.0\.1\.0 dev flannel\.1 /m),
    expect.stringMatching(/^id \d+ via 10\.0\.5\.0 dev flannel\.1 /m),
    expect.stringMatching(/^10\.0\.5\.0 lladdr \S+ /m),
    expect.stringMatching(/ dst \S+ self permanent/m),
  ])
})

describe('nexthop objects', () => {
  it('are not used by a small cluster, whose routes look like flannel’s', async () => {
    const driver = await open()
    await done(driver, puts(...routesOf(0, 4)))
    expect(nexthops()).toEqual([])
    expect(namespace.ipJson('route show 10.0.1.0/24')).toMatchObject([
      { dst: '10.0.1.0/24', gateway: '10.0.1.0', dev: 'flannel.1', protocol: '157', flags: ['onlink'] },
    ])
    const block = documentBlock('packages/dataplane-linux/README.md', '10.5.52.0/24 via', {
      '10.5.52.0': '10.0.1.0',
    })
    expect(asShown(block, namespace.ip('route show 10.0.1.0/24'))).toBe(block)
  })

  it('carry what goes beyond the threshold; what was inline stays', async () => {
    const driver = await open()
    await done(driver, puts(...routesOf(0, 3)))
    await done(driver, puts(...routesOf(3, 10)))
    expect(shown()).toMatchObject({ inline: { length: 3 }, objects: { length: 7 } })
    const block = documentBlock('packages/dataplane-linux/README.md', '10.5.52.0/24 nhid', {
      '10.5.52.0': '10.0.5.0',
    })
    const varying = [/(?<=nhid )\d+/]
    expect(asShown(block, namespace.ip('route show 10.0.5.0/24'), { varying })).toBe(block)
    expect(nexthops()).toHaveLength(7)
    expect(nexthops().find(({ gateway }) => gateway === '10.0.5.0')).toMatchObject({
      dev: 'flannel.1',
      protocol: '157',
      flags: ['onlink'],
    })
    await expectHeld(driver, routesOf(0, 10))
    await expectHeld(await open(), routesOf(0, 10))
  })

  it('are the same to a snapshot as inline routes, and one that is replaced leaves none behind', async () => {
    const driver = await open()
    await done(driver, puts(...routesOf(0, 10)))
    const held = await driver.snapshot(SCOPE)
    const [desired] = routesOf(5, 6)
    const actual = held.find(({ key }) => key === desired?.key)
    const changed = route({
      destination: '10.0.5.0/24',
      gateway: '10.0.77.0',
      device: 'flannel.1',
      onLink: true,
    })
    await done(driver, [{ type: 'put', resource: changed, actual }])
    expect(namespace.ipJson('route show 10.0.5.0/24')).toMatchObject([{ gateway: '10.0.77.0' }])
    expect(nexthops().map(({ gateway }) => gateway)).not.toContain('10.0.5.0')
    expect(nexthops()).toHaveLength(10)
  })

  it('go with their routes', async () => {
    const driver = await open()
    await done(driver, puts(...routesOf(0, 10)))
    await done(driver, deletes(...routesOf(2, 9)))
    expect(nexthops()).toHaveLength(3)
    await done(driver, deletes(...routesOf(0, 10)))
    expect(nexthops()).toEqual([])
    expect(shown()).toEqual({ inline: [], objects: [] })
  })

  it('that an earlier process left are used on, and go with their routes', async () => {
    await done(await open(), puts(...routesOf(0, 10)))
    const before = nexthops()
    const later = await open()
    const held = await later.snapshot(SCOPE)
    const desired = routesOf(0, 10)
    await done(
      later,
      desired.map((resource) => ({
        type: 'put',
        resource,
        actual: held.find(({ key }) => key === resource.key) as RouteResource,
      })),
    )
    expect(nexthops()).toEqual(before)
    await done(later, deletes(...desired))
    expect(nexthops()).toEqual([])
  })

  it('are recreated after the link went down and took them along', async () => {
    const driver = await open()
    const desired = routesOf(0, 10)
    await done(driver, puts(...desired))
    namespace.ip('link set flannel.1 down')
    namespace.ip('link set flannel.1 up')
    expect(nexthops()).toEqual([])
    // Without a snapshot in between: what it believes of them is wrong by now.
    await done(driver, puts(...desired))
    expect(nexthops()).toHaveLength(10)
    await expectHeld(driver, desired)
  })

  it('of others stay as they are', async () => {
    namespace.ip('nexthop add id 1 via 192.168.0.9 dev eth0 protocol bird')
    namespace.ip('nexthop add id 2000000000 via 10.0.200.0 dev flannel.1 onlink protocol zebra')
    namespace.ip('route add 172.16.0.0/16 nhid 1 protocol bird')
    const before = namespace.state()
    const driver = await open()
    await driver.snapshot(SCOPE)
    await done(driver, puts(...routesOf(0, 10)))
    await done(driver, deletes(...routesOf(0, 10)))
    expect(namespace.state()).toBe(before)
  })

  it('are made for IPv6 never: its routes keep their next hops to themselves', async () => {
    const desired = Array.from({ length: 10 }, (_, index) =>
      route({
        destination: `fd99:0:0:${index}::/64`,
        gateway: `fd99:0:0:${index}::`,
        device: 'flannel.1',
        onLink: true,
      }),
    )
    const driver = await open()
    await done(driver, puts(...desired))
    expect(nexthops()).toEqual([])
    await expectHeld(driver, desired)
  })
})

describe('on a link that is not ours', () => {
  const hostGw = (number: number) =>
    route({ destination: `10.0.${number}.0/24`, gateway: `192.168.0.${number + 10}`, device: 'eth0' })

  it('routes stay inline, however many: flanneld cannot delete a route through an object', async () => {
    const driver = await open()
    const desired = Array.from({ length: 20 }, (_, index) => hostGw(index))
    await done(driver, puts(...desired))
    expect(nexthops()).toEqual([])
    await expectHeld(driver, desired)
  })

  it('objects of an earlier version go, and their routes become inline', async () => {
    namespace.ip('nexthop add id 1500000001 via 192.168.0.11 dev eth0 protocol 157')
    namespace.ip('nexthop add id 1500000002 via 192.168.0.12 dev eth0 protocol 157')
    namespace.ip('nexthop add id 1500000003 via 10.0.9.0 dev flannel.1 onlink protocol 157')
    namespace.ip('route add 10.0.1.0/24 nhid 1500000001 proto 157')
    const others = [
      'nexthop add id 1500000004 via 192.168.0.14 dev eth0 protocol bird',
      'nexthop add id 5 via 192.168.0.15 dev eth0 protocol 157',
      'nexthop add id 1500000006 via 192.168.0.16 dev eth0 protocol 157',
      'route add 172.16.0.0/16 nhid 1500000006 proto 157',
    ]
    for (const line of others) namespace.ip(line)
    const driver = await open()
    expect(nexthops(), 'one that only looks changes nothing').toHaveLength(6)
    void driver
      .watch?.({ signal: AbortSignal.timeout(30_000) })
      [Symbol.asyncIterator]()
      .next()
    await until('the watch has begun, and the unused are gone', async () => {
      await driver.snapshot(SCOPE)
      return nexthops().length === 4
    })
    const held = (await driver.snapshot(SCOPE)).find(({ kind }) => kind === 'route')
    const desired = hostGw(1)
    expect(held !== undefined && satisfies(held, desired)).toBe(false)
    await done(driver, [{ type: 'put', resource: desired, actual: held }])
    expect(shown()).toEqual({ inline: ['10.0.1.0/24'], objects: ['172.16.0.0/16'] })
    expect(nexthops().map(({ id }) => id)).toEqual([5, 1500000004, 1500000006])
    await expectHeld(driver, [desired])
  })
})

describe('keys that several routes share', () => {
  it('are put right, and deleted to the last', async () => {
    const driver = await open()
    const [desired] = routesOf(1, 2)
    if (desired === undefined) throw new Error('no route')
    await done(driver, puts(desired))
    namespace.ip('route append 10.0.1.0/24 via 192.168.0.7 dev eth0 proto 157')
    namespace.ip('route append 10.0.1.0/24 via 192.168.0.8 dev eth0 proto 157')
    const [held] = (await driver.snapshot(SCOPE)).filter(({ kind }) => kind === 'route')
    expect(held !== undefined && satisfies(held, desired)).toBe(false)
    await done(driver, puts(desired))
    expect(namespace.ipJson('route show 10.0.1.0/24')).toMatchObject([{ gateway: '10.0.1.0' }])
    namespace.ip('route append 10.0.1.0/24 via 192.168.0.7 dev eth0 proto 157')
    await driver.snapshot(SCOPE)
    await done(driver, deletes(desired))
    expect(namespace.ipJson('route show 10.0.1.0/24')).toEqual([])
  })

  it('hold a multipath route of our protocol until it is put right', async () => {
    namespace.ip(
      'route add 10.0.1.0/24 proto 157 nexthop via 192.168.0.7 dev eth0 nexthop via 192.168.0.8 dev eth0',
    )
    const driver = await open()
    const held = (await driver.snapshot(SCOPE)).find(({ kind }) => kind === 'route')
    const desired = peer(1).route
    expect(held?.key).toBe(desired.key)
    expect(held !== undefined && satisfies(held, desired)).toBe(false)
    await done(driver, [{ type: 'put', resource: desired, actual: held }])
    await expectHeld(driver, [desired])
  })
})

describe('a foreign route in the place of ours', () => {
  it('stays, and the error says whose it is and what to do', async () => {
    namespace.ip('route add 10.0.1.0/24 via 192.168.0.9 dev eth0 proto static')
    const before = namespace.state()
    const [result] = await (await open()).apply(puts(peer(1).route))
    if (result?.ok !== false) throw new Error('it was put')
    expect(result.error).toMatchObject({ code: 'RESOURCE_CONFLICT', errno: 'EEXIST' })
    expect(result.error.message).toContain('via 192.168.0.9')
    expect(result.error.message).toContain('ip route del 10.0.1.0/24 proto 4')
    expect(namespace.state()).toBe(before)
  })

  it('and one that is no address, stop none of the others', async () => {
    namespace.ip('route add 10.0.3.0/24 via 192.168.0.9 dev eth0 proto static')
    const driver = await open()
    const bad = { ...peer(4).route, gateway: '10.0.4.300' }
    const desired = [...routesOf(0, 4), bad, ...routesOf(5, 10)]
    const results = await driver.apply(puts(...desired))
    expect(results.map(({ ok }) => ok)).toEqual([
      true,
      true,
      true,
      false,
      false,
      true,
      true,
      true,
      true,
      true,
    ])
    expect(results[4]).toMatchObject({
      error: { message: expect.stringMatching(/10\.0\.4\.0\/24.*'10\.0\.4\.300' is not/) },
    })
    expect(nexthops()).toHaveLength(8)
  })
})

describe('the blackhole route of a node', () => {
  const SUBNETS = { subnet: '10.0.9.0/24', ipv6Subnet: 'fd99:0:0:9::/64' }
  const PODS = ['10.0.9.5', 'fd99:0:0:9::5']
  const blackholes = blackholeRoute().local({
    config: parseNetworkConfig({ Network: '10.0.0.0/8', EnableIPv6: true, IPv6Network: 'fd99::/48' }),
    externalInterface: { name: 'eth0', mtu: 1500, onLink: [] },
    lease: { ...SUBNETS, attributes: {} },
  }) as readonly RouteResource[]

  const isDropped = (address: string): boolean => {
    try {
      namespace.ip(`route get ${address}`)
      return false
    } catch {
      return true
    }
  }
  const device = (address: string) => namespace.ipJson(`route get ${address}`)[0]?.dev

  it.each(['before', 'after'])(
    'drops what no pod has; a bridge that comes %s it keeps its pods',
    async (when) => {
      const driver = await open()
      const put = () => done(driver, puts(...blackholes))
      if (when === 'after') {
        await put()
        expect(PODS.map(isDropped)).toEqual([true, true])
      }
      namespace.ip('link add cni0 up type bridge')
      namespace.ip('address add 10.0.9.1/24 dev cni0')
      namespace.ip('address add fd99:0:0:9::1/64 dev cni0 nodad')
      if (when === 'before') await put()
      await expectHeld(driver, blackholes)
      expect(PODS.map(device)).toEqual(['cni0', 'cni0'])
      namespace.ip('link del cni0')
      expect(PODS.map(isDropped)).toEqual([true, true])
      await expectHeld(await open(), blackholes)
      await done(driver, deletes(...blackholes))
      expect(namespace.ip('route show table all proto 157')).not.toContain('blackhole')
    },
  )

  it("stands beside flannel's, which the kernel prefers, and adopts that of IPv6", async () => {
    // As flanneld adds them: main table, protocol boot, the kernel's metric.
    for (const subnet of Object.values(SUBNETS)) namespace.ip(`route add blackhole ${subnet} proto boot`)
    await done(await open(), puts(...blackholes))
    await expectHeld(await open(), blackholes)
    expect(namespace.ipJson('-4 route show type blackhole')).toMatchObject([
      { dst: SUBNETS.subnet, protocol: 'boot' },
      { dst: SUBNETS.subnet, protocol: '157', metric: 0xffff_ffff },
    ])
    expect(namespace.ipJson('-6 route show type blackhole')).toMatchObject([
      { dst: SUBNETS.ipv6Subnet, protocol: '157', metric: 1024 },
    ])
  })
})
