import assert from 'node:assert/strict'
import type { OwnershipScope, UnmarkedRoute } from '@selvedge/core'
import { address, fdb, type KernelResource, link, neighbour, route } from '@selvedge/core/kit'
import { done } from '../assertions.js'
import { deletes, puts } from '../operations.js'
import { type DriverSection, holds } from './fixture.js'
import { device, ownAddress, peer, resourcesOf, SCOPE } from './samples.js'

const OTHER_SCOPE: OwnershipScope = {
  aliases: ['selvedge 10.98.0.0/16'],
  links: ['flannel.7'],
  networks: ['10.98.0.0/16'],
}

/** A second overlay on the same host, with a link and a network of its own. */
const otherOverlay = (): KernelResource[] => [
  link({
    name: 'flannel.7',
    type: 'vxlan',
    alias: 'selvedge 10.98.0.0/16',
    settings: { vni: 7, port: 8472, local: '192.168.0.1', parent: 'eth0', learning: false, gbp: false },
  }),
  address({ link: 'flannel.7', address: '10.98.1.0', prefixLength: 32 }),
  fdb({ link: 'flannel.7', macAddress: '02:bb:00:00:00:02', destination: '192.168.0.2' }),
  neighbour({ link: 'flannel.7', address: '10.98.2.0', macAddress: '02:bb:00:00:00:02' }),
  route({ destination: '10.98.2.0/24', device: 'flannel.7', gateway: '10.98.2.0', onLink: true }),
  route({ destination: '10.98.3.0/24', device: 'eth0', gateway: '192.168.0.9' }),
  route({ destination: '10.98.4.0/24', type: 'blackhole' }),
]

export function scopeTests({ test }: DriverSection): void {
  const nothing: OwnershipScope = { aliases: [], links: [], networks: [] }

  test('finds links by name or by alias, and what is on them', async (host) => {
    const driver = await host.connect()
    const all = [device(), ownAddress, ...resourcesOf(peer(2))]
    await done(driver, puts(...all))
    const { networks } = SCOPE
    await holds(driver, all, { ...nothing, networks, links: SCOPE.links })
    await holds(driver, all, { ...nothing, networks, aliases: SCOPE.aliases })
    const outside = all.filter((resource) => resource !== ownAddress)
    await holds(driver, outside, { ...nothing, aliases: SCOPE.aliases })
    await host.run('ip link set flannel.1 alias foreign')
    await holds(driver, [], { ...nothing, aliases: SCOPE.aliases })
  })

  test('finds routes by the network they lead into, through whatever link', async (host) => {
    const driver = await host.connect()
    const inside = [
      route({ destination: '10.99.3.0/24', device: 'eth0', gateway: '192.168.0.9' }),
      route({ destination: '10.99.4.0/24', type: 'blackhole' }),
      peer(2).route,
    ]
    const outside = route({ destination: '10.98.3.0/24', device: 'eth0', gateway: '192.168.0.9' })
    await done(driver, puts(device(), ...inside, outside))
    await holds(driver, inside, { ...nothing, networks: ['10.99.0.0/16'] })
    await holds(driver, [inside[0] ?? outside], { ...nothing, networks: ['10.99.3.0/24'] })
    await holds(driver, [outside], { ...nothing, networks: ['10.98.0.0/16'] })
    await holds(driver, [], nothing)
  })

  test('finds a route through a link of ours, wherever it leads', async (host) => {
    const driver = await host.connect()
    const elsewhere = route({ destination: '172.31.0.0/24', device: 'flannel.1' })
    await done(driver, puts(device(), elsewhere))
    await holds(driver, [device(), elsewhere])
  })

  test('finds a route to an address that must stay reachable, wherever it leads', async (host) => {
    const driver = await host.connect()
    const cutsOff = route({ destination: '172.31.0.0/24', device: 'eth0', gateway: '192.168.0.9' })
    const other = route({ destination: '172.31.1.0/24', device: 'eth0', gateway: '192.168.0.9' })
    await done(driver, puts(cutsOff, other))
    await holds(driver, [cutsOff], { ...nothing, reachable: ['172.31.0.254'] })
    await host.run('ip route add 172.31.0.254/32 via 192.168.0.9')
    await holds(driver, [cutsOff], { ...nothing, reachable: ['172.31.0.254'] })
    await done(driver, deletes(cutsOff, other))
  })

  test('finds the routes of the protocol boot that are said to be ours, and replaces and deletes them', async (host) => {
    const driver = await host.connect()
    const ours = ['10.99.3.0/24', '10.99.4.0/24'] as const
    const [replaced, deleted] = ours.map((destination) =>
      route({ destination, device: 'eth0', gateway: '192.168.0.9' }),
    )
    if (replaced === undefined || deleted === undefined) return
    const boot = ours.map((destination) => `ip route add ${destination} via 192.168.0.9`)
    await host.run(
      ...boot,
      'ip route add 10.99.5.0/24 via 192.168.0.9',
      'ip route add 10.99.3.0/24 via 192.168.0.9 proto static metric 20',
      'ip route add 10.99.4.0/24 via 192.168.0.9 proto static metric 20',
    )
    const before = await host.state()
    const networks = ['10.99.0.0/16']
    await holds(driver, [], { ...nothing, networks })
    const asked: UnmarkedRoute[] = []
    const isUnmarkedOurs = (unmarked: UnmarkedRoute) => {
      asked.push(unmarked)
      return ours.some((destination) => destination === unmarked.destination)
    }
    const scope = { ...nothing, networks, isUnmarkedOurs }
    await holds(driver, [replaced, deleted], scope)
    const { type, table, gateway } = asked.find(({ destination }) => destination === '10.99.5.0/24') ?? {}
    assert.deepEqual({ type, table, gateway }, { type: 'unicast', table: 254, gateway: '192.168.0.9' })
    const blackhole = route({ destination: replaced.destination, type: 'blackhole' })
    await done(driver, puts(blackhole))
    await done(driver, deletes(deleted))
    await holds(driver, [blackhole], scope)
    await holds(driver, [blackhole], { ...nothing, networks })
    await done(driver, deletes(blackhole))
    await host.run(...boot)
    assert.equal(await host.state(), before)
  })

  test('keeps two overlays on one host apart', async (host) => {
    const [one, two] = [await host.connect(), await host.connect()]
    const ours = [device(), ownAddress, ...resourcesOf(peer(2))]
    const theirs = otherOverlay()
    await done(one, puts(...ours))
    await done(two, puts(...theirs))
    await holds(one, ours, SCOPE)
    await holds(two, theirs, OTHER_SCOPE)
    const state = await host.state()
    await done(one, puts(...ours))
    assert.equal(await host.state(), state)
    await done(one, deletes(...ours.toReversed()))
    await holds(one, [], SCOPE)
    await holds(two, theirs, OTHER_SCOPE)
  })

  test('takes another scope at each call', async (host) => {
    const driver = await host.connect()
    const ours = [device(), ownAddress]
    const theirs = otherOverlay()
    await done(driver, puts(...ours, ...theirs))
    await holds(driver, ours, SCOPE)
    await holds(driver, theirs, OTHER_SCOPE)
    await holds(driver, [...ours, ...theirs], {
      aliases: [],
      links: [...SCOPE.links, ...OTHER_SCOPE.links],
      networks: [...SCOPE.networks, ...OTHER_SCOPE.networks],
    })
  })
}
