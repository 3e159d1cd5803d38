/** A bucket takes the server a moment to make, in which other nodes find it already: NATS 2.9.10 crashed if they read it then. */
import type { NatsSubnetManager } from '@selvedge/store-nats'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { NatsServer } from './nats-server.js'
import { ipv4Network, TestNetwork } from './network.js'

const NODES = 4
/** With a node that reads too early, one of them crashes the server. */
const ROUNDS = 50

let nats: NatsServer

beforeAll(async () => {
  nats = await NatsServer.start()
})

afterAll(() => nats[Symbol.asyncDispose]())

/** Nodes that are connected, so that what they ask next arrives at once. */
async function nodesOf(network: TestNetwork): Promise<readonly NatsSubnetManager[]> {
  const nodes = Array.from({ length: NODES }, () => network.manager())
  await Promise.all(nodes.map((node) => node.networkConfigText()))
  return nodes
}

/** All nodes read, again and again, until the work is done. */
async function readDuring(nodes: readonly NatsSubnetManager[], work: () => Promise<void>): Promise<void> {
  let isDone = false
  const reading = nodes.map(async (node) => {
    while (!isDone) {
      await node.networkConfigText()
      await node.reservations()
    }
  })
  const working = work().finally(() => {
    isDone = true
  })
  await Promise.all([working, ...reading])
}

it('nodes read a network while its operator makes it', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    await using network = await TestNetwork.in([nats], 'none')
    const nodes = await nodesOf(network)
    await readDuring(nodes, () => network.setConfig(ipv4Network))
    for (const node of nodes) expect(await node.networkConfigText()).toBe(JSON.stringify(ipv4Network))
  }
})

it('nodes read a network while its operator deletes it, and makes it again', async () => {
  await using network = await TestNetwork.in([nats])
  const nodes = await nodesOf(network)
  await readDuring(nodes, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      await network.api(`STREAM.DELETE.KV_${network.bucket}`)
      if (network.hasTwoBuckets && round % 2 === 0) await network.api(`STREAM.DELETE.KV_${network.leases}`)
      await network.setConfig(ipv4Network)
    }
  })
  for (const node of nodes) expect(await node.networkConfigText()).toBe(JSON.stringify(ipv4Network))
})

it('nodes that wait for a network config make the network at once', async () => {
  for (let round = 0; round < ROUNDS; round += 1) {
    await using network = await TestNetwork.in([nats], 'none')
    const nodes = await nodesOf(network)
    const configs = nodes.map((node) => node.getNetworkConfig())
    await network.setConfig(ipv4Network)
    for (const { ipv4 } of await Promise.all(configs))
      expect(ipv4?.network.toString()).toBe(ipv4Network.Network)
  }
})
