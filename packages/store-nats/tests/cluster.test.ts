import { Watcher } from '@selvedge/lab'
import { describe, it } from 'vitest'
import { NatsServer } from './nats-server.js'
import { attributesOf, ipv4Network, TestNetwork } from './network.js'

/** Servers that end with the test. */
class Cluster implements AsyncDisposable {
  readonly servers: readonly NatsServer[]

  static async start(): Promise<Cluster> {
    return new Cluster(await NatsServer.startCluster(3))
  }

  private constructor(servers: readonly NatsServer[]) {
    this.servers = servers
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()))
  }
}

/** A cluster takes seconds to choose a new leader, and more on a busy machine, in ms. */
const PATIENT = { patienceMs: 60_000 }

/**
 * Long enough for three elections in a row, up to 9 s each, in ms. For half a minute after a server is killed, NATS also assigns
 * a third of the deliveries to it, and each of them costs a request that times out after 5 s.
 */
const TIMEOUT_MS = 180_000

describe.concurrent('a cluster of three servers, with three replicas', { timeout: TIMEOUT_MS }, () => {
  it('that loses its leader, then its quorum, then a member for good', async ({ expect }) => {
    await using cluster = await Cluster.start()
    const { servers } = cluster
    await using network = await TestNetwork.in(servers, ipv4Network, { replicas: 3, ...PATIENT })
    const node = network.manager()
    await using watcher = await Watcher.on(node)
    const first = await node.acquireLease({ attributes: attributesOf(1) })
    await watcher.untilShowsLease(first)

    const leader = await leaderOf(servers, `KV_${network.leases}`)
    await leader.kill()
    const second = await network.manager().acquireLease({ attributes: attributesOf(2) })
    await watcher.untilShowsLease(second)

    const [another, last] = servers.filter((server) => server !== leader)
    if (another === undefined || last === undefined) throw new TypeError('three servers are left two by one')
    await another.kill()
    const alone = network.manager({ requestTimeoutMs: 1_000, patienceMs: 1_000 })
    await expect(alone.renewLease(first)).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/: NATS does not answer at nats:/),
    })

    await another.restart()
    expect((await node.renewLease(first)).subnet).toBe(first.subnet)
    const third = await node.acquireLease({ attributes: attributesOf(3) })
    await watcher.untilShowsLease(third)
    expect(new Set([first, second, third].map(({ subnet }) => subnet)).size).toBe(3)
    expect(watcher.keys).toHaveLength(3)
    expect(watcher.snapshots, 'no change was missed').toBe(1)
  })

  it('whose server that a node is connected to freezes: the node moves to another', async ({ expect }) => {
    await using cluster = await Cluster.start()
    const [frozen, ...others] = cluster.servers
    if (frozen === undefined) throw new TypeError('a cluster has servers')
    // An operator who works past the server that freezes.
    await using network = await TestNetwork.in(others, ipv4Network, { replicas: 3, ...PATIENT })
    // It learns of the others from the one that it knows.
    const node = network.manager({ servers: [frozen.url], requestTimeoutMs: 2_000 })
    await using watcher = await Watcher.on(node)
    const before = await node.acquireLease({ attributes: attributesOf(1) })
    await watcher.untilShowsLease(before)
    frozen.freeze()
    const lease = await node.renewLease(before)
    expect(lease.subnet).toBe(before.subnet)
    const other = await network.manager().acquireLease({ attributes: attributesOf(2) })
    await watcher.untilShowsLease(other)
    expect(watcher.snapshots, 'no change was missed').toBe(1)
  })
})

async function leaderOf(servers: readonly NatsServer[], stream: string): Promise<NatsServer> {
  for (const server of servers) if (await server.leads(stream)) return server
  throw new Error(`no server leads ${stream}`)
}
