/** What an operator's page reads: every lease by one read, and ends by one request for each etcd lease. */
import { leaseKey } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { EtcdServer } from './etcd-server.js'
import { attributesOf, TestNetwork } from './network.js'

let etcd: EtcdServer

beforeAll(async () => {
  etcd = await EtcdServer.start()
})

afterAll(() => etcd[Symbol.asyncDispose]())

async function grant(network: TestNetwork, seconds: number): Promise<string> {
  return (await network.admin.leaseClient.leaseGrant({ TTL: String(seconds) })).ID
}

const record = (node: number): string => encodeLeaseAttributes(attributesOf(node))

it('lists leases, reservations and garbage by one read, and asks once for each etcd lease', async () => {
  await using network = await TestNetwork.in([etcd.endpoint])
  const [own, shared] = [await grant(network, 600), await grant(network, 7_200)]
  await network.put('10.99.1.0-24', record(1), own)
  for (const node of [2, 3, 4]) await network.put(`10.99.${node}.0-24`, record(node), shared)
  await network.put('10.99.5.0-24', record(5))
  await network.put('10.99.6.7-24', record(6), own)
  await network.put('10.99.7.0-24', '{', own)
  const manager = network.manager()
  // Which connects.
  await manager.networkConfigText()
  const counts = () => Promise.all(['Range', 'Txn', 'LeaseTimeToLive'].map((method) => etcd.requests(method)))
  const since = async (before: readonly number[]) =>
    (await counts()).map((count, index) => count - (before[index] ?? 0))

  const start = await counts()
  const inventory = await manager.inventory()
  expect(await since(start)).toEqual([0, 1, 0])
  expect(inventory.leases.map(leaseKey).sort()).toEqual([1, 2, 3, 4, 5].map((node) => `10.99.${node}.0-24`))
  expect(inventory.reservations.map(leaseKey)).toEqual(['10.99.5.0-24'])
  expect(inventory.faults.map(({ message }) => message)).toEqual([
    expect.stringMatching(/subnets\/10\.99\.6\.7-24: its key would have to be 10\.99\.6\.0-24/),
    expect.stringMatching(/subnets\/10\.99\.7\.0-24: its value is not a lease/),
  ])

  const before = await counts()
  const now = Date.now()
  const ends = await inventory.ends?.(inventory.leases)
  expect(await since(before)).toEqual([0, 0, 2])
  expect([...(ends?.keys() ?? [])].sort()).toEqual([1, 2, 3, 4].map((node) => `10.99.${node}.0-24`))
  // etcd answers in whole seconds, rounded down.
  const secondsOf = (node: number) => ((ends?.get(`10.99.${node}.0-24`) ?? 0) - now) / 1_000
  expect(secondsOf(1)).toBeGreaterThan(500)
  expect(secondsOf(1)).toBeLessThan(660)
  for (const node of [2, 3, 4]) expect(secondsOf(node)).toBeGreaterThan(7_000)

  const few = await counts()
  const [reservation] = inventory.reservations
  expect(await inventory.ends?.(reservation === undefined ? [] : [reservation])).toEqual(new Map())
  expect(await inventory.ends?.([])).toEqual(new Map())
  expect(await since(few)).toEqual([0, 0, 0])
})

it('says of a lease that is gone by now that it has just ended, and of others the end', async () => {
  await using network = await TestNetwork.in([etcd.endpoint])
  const [gone, held] = [await grant(network, 600), await grant(network, 600)]
  await network.put('10.99.1.0-24', record(1), gone)
  await network.put('10.99.2.0-24', record(2), held)
  const inventory = await network.manager().inventory()
  await network.admin.leaseClient.leaseRevoke({ ID: gone })
  const ends = await inventory.ends?.(inventory.leases)
  expect(ends?.get('10.99.1.0-24')).toBeLessThanOrEqual(Date.now())
  expect(ends?.get('10.99.2.0-24')).toBeGreaterThan(Date.now())
})

it('rejects with the reason of an aborted signal, after which it asks no more, and once it is closed', async () => {
  await using network = await TestNetwork.in([etcd.endpoint])
  for (let node = 1; node <= 20; node += 1) {
    await network.put(`10.99.${node}.0-24`, record(node), await grant(network, 600))
  }
  const manager = network.manager()
  const inventory = await manager.inventory()
  const before = await etcd.requests('LeaseTimeToLive')
  const reason = new Error('enough')
  const aborted = AbortSignal.abort(reason)
  await expect(inventory.ends?.(inventory.leases, { signal: aborted })).rejects.toBe(reason)
  await expect(manager.inventory({ signal: aborted })).rejects.toBe(reason)
  await manager[Symbol.asyncDispose]()
  await expect(inventory.ends?.(inventory.leases)).rejects.toMatchObject({ code: 'CLOSED' })
  expect(await etcd.requests('LeaseTimeToLive')).toBe(before)
})

it('waits for no etcd that is away', async () => {
  await using server = await EtcdServer.start()
  await using network = await TestNetwork.in([server.endpoint])
  const manager = network.manager({ patienceMs: 600_000 })
  await manager.inventory()
  await server.kill()
  await expect(manager.inventory()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
})
