import assert from 'node:assert/strict'
import { type KernelResource, route } from '@selvedge/core/kit'
import { done, failed } from '../assertions.js'
import { deletes, puts } from '../operations.js'
import { type DriverSection, held, holds } from './fixture.js'
import { ALL_ZERO, DEVICE, device, everySort, ownAddress, peer, resourcesOf } from './samples.js'

/** Enough for several netlink messages, whatever their size. */
const MANY = 2_000

export function writeTests({ supports, test }: DriverSection): void {
  test('puts one of every sort, and reads back what was put', async (host) => {
    const driver = await host.connect()
    const desired = everySort(supports)
    await done(driver, puts(...desired))
    await holds(driver, desired)
    await holds(await host.connect(), desired)
  })

  test('puts what is there already, and changes nothing', async (host) => {
    const desired = everySort(supports)
    await done(await host.connect(), puts(...desired))
    const before = await host.state()
    const results = await done(await host.connect(), puts(...desired))
    assert.equal(await host.state(), before)
    assert.deepEqual(
      results.filter((result) => result.stale),
      [],
      'nothing changed, so nothing is stale',
    )
  })

  test('puts over what differs, known from a snapshot or not', async (host) => {
    const driver = await host.connect()
    const [desired, other] = [peer(2), peer(3)]
    const differing: KernelResource[] = [
      { ...desired.fdb, destination: other.fdb.destination },
      { ...desired.neighbour, macAddress: other.neighbour.macAddress },
      { ...desired.route, gateway: other.route.gateway },
    ]
    for (const informed of [true, false]) {
      await done(driver, puts(device(), ownAddress, ...differing))
      const actual = await held(driver)
      await done(
        informed ? driver : await host.connect(),
        resourcesOf(desired).map((resource) => ({
          type: 'put',
          resource,
          actual: informed ? actual.get(resource.key) : undefined,
        })),
      )
      await holds(driver, [device(), ownAddress, ...resourcesOf(desired)])
    }
  })

  test('puts what has come to differ since the snapshot', async (host) => {
    const driver = await host.connect()
    const { neighbour, fdb } = peer(2)
    await done(driver, puts(device(), neighbour, fdb))
    const actual = await held(driver)
    const mac = '02:cc:00:00:00:01'
    await host.run(
      `ip neigh replace ${neighbour.address} lladdr ${mac} dev ${DEVICE} nud permanent`,
      `bridge fdb replace ${fdb.macAddress} dev ${DEVICE} dst 192.168.0.77 self permanent`,
    )
    await done(
      driver,
      [neighbour, fdb].map((resource) => ({ type: 'put', resource, actual: actual.get(resource.key) })),
    )
    await holds(driver, [device(), neighbour, fdb])
  })

  test('makes permanent what was there as a temporary entry', async (host) => {
    const driver = await host.connect()
    const { neighbour, fdb } = peer(2)
    await done(driver, puts(device()))
    await host.run(
      `ip neigh add ${neighbour.address} lladdr 02:cc:00:00:00:01 dev ${DEVICE} nud stale`,
      `bridge fdb add ${fdb.macAddress} dev ${DEVICE} dst 192.168.0.77 self dynamic`,
    )
    await done(driver, puts(neighbour, fdb))
    await holds(driver, [device(), neighbour, fdb])
  })

  test('deletes one of every sort, and again what is gone', async (host) => {
    const driver = await host.connect()
    const before = await host.state()
    const desired = everySort(supports)
    await done(driver, puts(...desired))
    await done(driver, deletes(...desired.toReversed()))
    await holds(driver, [])
    assert.equal(await host.state(), before)
    await done(driver, deletes(...desired.toReversed()))
    await done(await host.connect(), deletes(...desired))
    assert.equal(await host.state(), before)
  })

  test('deletes by key, whatever else is held there by now', async (host) => {
    const driver = await host.connect()
    const { neighbour, fdb, route: desired } = peer(2)
    await done(driver, puts(device(), ownAddress, neighbour, fdb, desired))
    await host.run(
      `ip neigh replace ${neighbour.address} lladdr 02:cc:00:00:00:01 dev ${DEVICE} nud permanent`,
      `bridge fdb replace ${fdb.macAddress} dev ${DEVICE} dst 192.168.0.77 self permanent`,
    )
    await done(await host.connect(), puts({ ...desired, gateway: '10.99.0.77' }))
    await done(driver, deletes(desired, neighbour, fdb))
    await holds(driver, [device(), ownAddress])
  })

  test('keeps the destinations of the all-zero MAC apart', async (host) => {
    const driver = await host.connect()
    const [first, second] = everySort(supports).filter(
      (resource) => resource.kind === 'fdb' && resource.macAddress === ALL_ZERO,
    )
    assert.ok(first && second)
    await done(driver, puts(device(), first, second))
    await done(driver, deletes(first))
    await holds(driver, [device(), second])
  })

  test('answers in the order of the operations, and one that fails stops no other', async (host) => {
    const driver = await host.connect()
    const { neighbour, fdb, route: desired } = peer(2)
    const nowhere = route({ destination: '10.99.200.0/24', device: 'slv-none' })
    const unreachable = route({ destination: '10.99.201.0/24', device: 'eth0', gateway: '10.1.1.1' })
    const results = await driver.apply([
      ...puts(nowhere, device()),
      ...deletes(nowhere),
      ...puts(unreachable, neighbour, { ...neighbour, link: 'slv-none' }, fdb, desired),
    ])
    assert.deepEqual(
      results.map(({ ok }) => ok),
      [false, true, true, false, true, false, true, true],
    )
    const gone = failed(results[0])
    assert.equal(gone.errno, 'ENODEV')
    assert.equal(gone.stale, true, 'what was read before no longer counts if a link is gone')
    assert.match(gone.error.message, /10\.99\.200\.0\/24|slv-none/, 'the message names what was attempted on')
    assert.equal(failed(results[3]).code, 'DRIVER_REFUSED')
    assert.equal(failed(results[5]).errno, 'ENODEV')
    await holds(driver, [device(), neighbour, fdb, desired])
  })

  test('fails with ENETDOWN if the link of a route is down, and says that other resources may have changed', async (host) => {
    const driver = await host.connect()
    await done(driver, puts(device({ up: false })))
    const { errno, stale } = failed((await driver.apply(puts(peer(2).route)))[0])
    assert.equal(errno, 'ENETDOWN')
    assert.equal(stale, true)
  })

  test(`carries out thousands of operations at once, a few of which fail: ${3 * MANY}`, async (host) => {
    const driver = await host.connect()
    const numbers = Array.from({ length: MANY }, (_, index) => index + 2)
    const desired = numbers.flatMap((number) => resourcesOf(peer(number)))
    await done(driver, puts(device(), ownAddress))
    const failing = [0, 1, MANY, desired.length - 1]
    const operations = puts(...desired)
    for (const at of failing) {
      const resource = route({ destination: `10.99.${at % 200}.0/24`, metric: 9, device: 'slv-none' })
      operations[at] = { type: 'put', resource }
    }
    const results = await driver.apply(operations)
    const refused = [...results.keys()].filter((index) => results[index]?.ok === false)
    assert.deepEqual(refused, failing)
    const left = desired.filter((_, index) => !failing.includes(index))
    await holds(driver, [device(), ownAddress, ...left])
    await done(driver, deletes(...left))
    await holds(driver, [device(), ownAddress])
  })

  test('applies nothing at all', async (host) => {
    assert.deepEqual(await (await host.connect()).apply([]), [])
  })

  test('reads all that is there while others write', async (host) => {
    const [driver, busy] = [await host.connect(), await host.connect()]
    const numbers = Array.from({ length: 300 }, (_, index) => index + 2)
    const desired = numbers.flatMap((number) => resourcesOf(peer(number)))
    await done(driver, puts(device(), ownAddress, ...desired))
    const theirs = numbers.map((number) =>
      route({ destination: `10.98.${number & 255}.${number >> 8}/32`, device: DEVICE }),
    )
    const elsewhere = { aliases: [], links: [], networks: ['10.99.0.0/16'] }
    const own = desired.filter(({ kind }) => kind === 'route').map(({ key }) => key)
    let writing = true
    const writes = (async () => {
      for (let round = 0; round < 20; round += 1) {
        await done(busy, puts(...theirs))
        await done(busy, deletes(...theirs))
      }
      writing = false
    })()
    do {
      const keys = await held(driver, elsewhere)
      assert.deepEqual(
        own.filter((key) => !keys.has(key)),
        [],
        'routes that are held and were not read',
      )
    } while (writing)
    await writes
  })
}
