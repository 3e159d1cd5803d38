/** What reads makes no bucket: an operator who mistypes a name finds nothing, and leaves nothing. */
import { Watcher } from '@selvedge/lab'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { NatsServer } from './nats-server.js'
import { attributesOf, ipv4Network, TestNetwork } from './network.js'

let nats: NatsServer

beforeAll(async () => {
  nats = await NatsServer.start()
})

afterAll(() => nats[Symbol.asyncDispose]())

const RESERVATION = { subnet: '10.99.7.0/24', attributes: attributesOf(7) }

async function streams({ nc, bucket }: TestNetwork): Promise<readonly string[]> {
  const answer = await nc.request('$JS.API.STREAM.NAMES')
  const { streams } = answer.json<{ readonly streams: readonly string[] | null }>()
  return (streams ?? []).filter((name) => name.startsWith(`KV_${bucket}`)).sort()
}

it('nothing is there and nothing is made, until a node joins: a watch shows it then', async () => {
  await using network = await TestNetwork.in([nats], 'none')
  const reader = network.manager()
  const held = { subnet: '10.99.1.0/24', attributes: attributesOf(1) }
  expect(await reader.networkConfigText()).toBeUndefined()
  expect(await reader.reservations()).toEqual([])
  await reader.releaseLease(held)
  await reader.cancelReservation(held)
  await expect(reader.renewLease(held)).rejects.toMatchObject({ code: 'LEASE_LOST' })
  await using watcher = await Watcher.on(reader)
  expect(watcher.keys).toEqual([])
  expect(await streams(network)).toEqual([])

  await network.setConfig(ipv4Network)
  const lease = await network.manager().acquireLease({ attributes: attributesOf(1) })
  await watcher.untilShowsLease(lease)
  expect(watcher.errors).toEqual([])
  expect(watcher.events.some((event) => 'storeWasReset' in event)).toBe(false)
})

it('a node that waits for a network config makes what the command that writes one needs', async () => {
  await using network = await TestNetwork.in([nats], 'none')
  const config = network.manager().getNetworkConfig()
  await expect.poll(() => streams(network), { timeout: 10_000 }).toContain(`KV_${network.bucket}`)
  await network.nc.request(`$KV.${network.bucket}.config`, JSON.stringify(ipv4Network))
  expect((await config).ipv4?.network).toBe(ipv4Network.Network)
})

it('reservations are read while the bucket of the leases is missing, and a node that joins makes it again', async () => {
  await using network = await TestNetwork.in([nats])
  await network.manager().reserve(RESERVATION)
  if (network.hasTwoBuckets) await network.api(`STREAM.DELETE.KV_${network.leases}`)
  const reader = network.manager()
  expect(await reader.reservations()).toMatchObject([RESERVATION])
  await using watcher = await Watcher.on(reader)
  expect(watcher.keys).toEqual(['10.99.7.0-24'])
  expect(await streams(network)).toEqual([`KV_${network.bucket}`])

  const lease = await network.manager().acquireLease({ attributes: attributesOf(1) })
  await watcher.until('both', () => watcher.keys.length === 2)
  expect(lease.expiresAt).toBeGreaterThan(Date.now())
  expect(watcher.errors).toEqual([])
})

it('a bucket of the config that was deleted is made again, and nodes read the config that is written then', async () => {
  await using network = await TestNetwork.in([nats])
  const node = network.manager()
  await node.acquireLease({ attributes: attributesOf(1) })
  await network.api(`STREAM.DELETE.KV_${network.bucket}`)
  const config = node.getNetworkConfig()
  await network.manager().setNetworkConfig({ Network: '10.98.0.0/16', Backend: { Type: 'vxlan' } })
  expect((await config).ipv4?.network).toBe('10.98.0.0/16')
  const next = await network.manager().acquireLease({ attributes: attributesOf(2) })
  expect(next.subnet).toMatch(/^10\.98\./)
})
