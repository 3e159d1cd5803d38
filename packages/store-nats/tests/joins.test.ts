import { leaseKey } from '@selvedge/core'
import { leakWarnings, Watcher } from '@selvedge/lab'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { LosingProxy } from './losing-proxy.js'
import { NatsServer } from './nats-server.js'
import { attributesOf, dualStackNetwork, ipv4Network, ipv6Network, TestNetwork } from './network.js'

let nats: NatsServer

beforeAll(async () => {
  nats = await NatsServer.start()
})

afterAll(() => nats[Symbol.asyncDispose]())

describe('a node', () => {
  it('takes a hundred calls at once, and Node.js warns of no leak', async ({ expect }) => {
    await using network = await TestNetwork.in([nats])
    const manager = network.manager()
    await manager.acquireLease({ attributes: attributesOf(1) })
    const calls = () => Promise.all(Array.from({ length: 100 }, () => manager.getNetworkConfig()))
    expect(await leakWarnings(calls)).toEqual([])
  })

  it.for([
    ['IPv4', ipv4Network],
    ['dual-stack', dualStackNetwork],
    ['IPv6', ipv6Network],
  ] as const)(
    'is one of 200 that join 200 %s subnets at once, and all get one',
    async ([, config], { expect }) => {
      await using network = await TestNetwork.in([nats], config)
      const nodes = Array.from({ length: 200 }, (_, index) => {
        const node = index + 1
        const publicIpv6 = `2001:db8::${node.toString(16)}`
        const attributes = 'EnableIPv6' in config ? { ...attributesOf(node), publicIpv6 } : attributesOf(node)
        // On a busy machine, all of them wait for each other.
        return { attributes, manager: network.manager({ requestTimeoutMs: 20_000, patienceMs: 60_000 }) }
      })
      await Promise.all(nodes.map(({ manager }) => manager.getNetworkConfig()))
      const leases = await Promise.all(
        nodes.map(({ attributes, manager }) => manager.acquireLease({ attributes })),
      )
      const families = [!('EnableIPv4' in config) && 'subnet', 'EnableIPv6' in config && 'ipv6Subnet']
      for (const family of families) {
        if (family === false) continue
        expect(new Set(leases.map((lease) => Reflect.get(lease, family))).size, family).toBe(200)
      }
      await using watcher = await Watcher.on(network.manager())
      expect(watcher.keys).toEqual(leases.map(leaseKey).sort())
    },
  )
})

it('nodes that join and an operator who reserves at once: none has a lease of what is reserved for another', async ({
  expect,
}) => {
  // 32 subnets: many meet.
  const config = { ...ipv4Network, SubnetMin: '10.99.0.0', SubnetMax: '10.99.31.0' }
  await using network = await TestNetwork.in([nats], config)
  const operator = network.manager()
  const reserving = Array.from({ length: 16 }, (_, index) =>
    operator
      .reserve({ subnet: `10.99.${2 * index}.0/24`, attributes: attributesOf(100 + index) })
      .catch((error) => {
        if (error.code !== 'LEASE_CONFLICT') throw error
      }),
  )
  const joining = Array.from({ length: 16 }, (_, index) =>
    network.manager().acquireLease({ attributes: attributesOf(index + 1) }),
  )
  const leases = await Promise.all(joining)
  await Promise.all(reserving)
  const reserved = await operator.reservations()
  const subnets = [...leases, ...reserved].map(({ subnet }) => subnet)
  expect(new Set(subnets).size, `${reserved.length} are reserved`).toBe(subnets.length)
  for (const lease of leases) await network.manager().renewLease(lease)
})

describe.concurrent('an answer that is lost', () => {
  const WRITE = /^HPUB \$KV\.[\w-]+\.subnets\./m

  it('of a creation: the node has one lease', async ({ expect }) => {
    await using network = await TestNetwork.in([nats], dualStackNetwork)
    await using proxy = await LosingProxy.to(nats.port)
    const manager = network.manager({ servers: [`nats://127.0.0.1:${proxy.port}`] })
    await manager.getNetworkConfig()
    proxy.loseAnswerTo(WRITE)
    const attributes = { ...attributesOf(1), publicIpv6: '2001:db8::1' }
    const lease = await manager.acquireLease({ attributes })
    expect(proxy.lost).toBe(1)
    await using watcher = await Watcher.on(network.manager())
    expect(watcher.keys).toEqual([leaseKey(lease)])
  })

  it('of a renewal: the new attributes are there', async ({ expect }) => {
    await using network = await TestNetwork.in([nats])
    await using proxy = await LosingProxy.to(nats.port)
    const manager = network.manager({ servers: [`nats://127.0.0.1:${proxy.port}`] })
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    proxy.loseAnswerTo(WRITE)
    const { attributes } = await manager.renewLease({
      ...lease,
      attributes: attributesOf(1, '02:00:00:00:00:01'),
    })
    expect(proxy.lost).toBe(1)
    await using watcher = await Watcher.on(network.manager())
    expect([...watcher.leases.values()].map((one) => one.attributes)).toEqual([attributes])
  })

  it('of a release: the lease is gone', async ({ expect }) => {
    await using network = await TestNetwork.in([nats])
    await using proxy = await LosingProxy.to(nats.port)
    const manager = network.manager({ servers: [`nats://127.0.0.1:${proxy.port}`] })
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    proxy.loseAnswerTo(WRITE)
    await manager.releaseLease(lease)
    expect(proxy.lost).toBe(1)
    await using watcher = await Watcher.on(network.manager())
    expect(watcher.keys).toEqual([])
  })
})
