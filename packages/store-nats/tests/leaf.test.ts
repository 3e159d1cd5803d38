import type { Socket } from 'node:net'
import { freePort, TcpProxy, Watcher } from '@selvedge/lab'
import { describe, it } from 'vitest'
import { NatsServer } from './nats-server.js'
import { attributesOf, ipv4Network, TestNetwork } from './network.js'

/** As short as the store allows, in ms. */
const TERM_MS = 5_000

/** A hub, and a leaf node of it that has a JetStream of its own, with a connection that can be cut. */
class Tree implements AsyncDisposable {
  readonly hub: NatsServer
  readonly leaf: NatsServer
  readonly connection: TcpProxy

  /** @param losing what the connection to the leaf node loses, once */
  static async grow(losing?: string): Promise<Tree> {
    const port = await freePort()
    const connection = await TcpProxy.to(port, losing === undefined ? undefined : relayWithout(losing))
    // Else the leaf node would learn of the hub's own port, and connect to that when its connection is cut.
    const advertise = `advertise: "127.0.0.1:${connection.port}"`
    const hub = await NatsServer.start({
      domain: 'hub',
      config: `leafnodes { listen: "127.0.0.1:${port}", ${advertise} }`,
    })
    const leaf = await NatsServer.start({
      domain: 'leaf',
      config: `leafnodes { reconnect: 1, remotes: [{ url: "nats-leaf://127.0.0.1:${connection.port}" }] }`,
    })
    return new Tree(hub, leaf, connection)
  }

  private constructor(hub: NatsServer, leaf: NatsServer, connection: TcpProxy) {
    this.hub = hub
    this.leaf = leaf
    this.connection = connection
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.leaf, this.connection, this.hub].map((part) => part[Symbol.asyncDispose]()))
  }
}

/** Passes everything on but the first that the server sends with `text` in it. */
const relayWithout =
  (text: string) =>
  (near: Socket, far: Socket): void => {
    let isLost = false
    near.pipe(far)
    far.on('data', (data) => {
      if (isLost || !data.includes(text)) near.write(data)
      else isLost = true
    })
  }

describe.concurrent('a node at a leaf node, with the domain of the hub,', () => {
  it('shares a network with those at the hub, and does all that they do', async ({ expect }) => {
    await using tree = await Tree.grow()
    await using network = await TestNetwork.in([tree.hub], 'none')
    const far = network.manager({ servers: [tree.leaf.url], domain: 'hub', patienceMs: 30_000 })
    // It makes the buckets, too.
    await far.setNetworkConfig(ipv4Network)
    const near = network.manager()
    await using atLeaf = await Watcher.on(far)
    await using atHub = await Watcher.on(near)
    const seen = [atLeaf, atHub]
    const leases = [
      await far.acquireLease({ attributes: attributesOf(1) }),
      await near.acquireLease({ attributes: attributesOf(2) }),
    ]
    for (const watcher of seen) for (const lease of leases) await watcher.untilShowsLease(lease)
    const reserved = await far.reserve({ subnet: '10.99.77.0/24', attributes: attributesOf(7) })
    for (const watcher of seen) await watcher.untilShowsLease(reserved)
    for (const lease of leases) await far.releaseLease(lease)
    for (const watcher of seen) await watcher.untilShows('10.99.77.0-24')
    expect(seen.flatMap(({ errors }) => errors)).toEqual([])
  })

  it('misses nothing that is lost on the way to it', async ({ expect }) => {
    await using tree = await Tree.grow('"192.0.2.66"')
    await using network = await TestNetwork.in([tree.hub])
    const far = network.manager({ servers: [tree.leaf.url], domain: 'hub', patienceMs: 30_000 })
    await using watcher = await Watcher.on(far)
    await network.put('10.99.1.0-24', '{"PublicIP":"192.0.2.1"}')
    await watcher.untilShows('10.99.1.0-24')
    await network.put('10.99.66.0-24', '{"PublicIP":"192.0.2.66"}')
    await watcher.untilShows('10.99.1.0-24', '10.99.66.0-24')
    expect(watcher.events.map(({ type }) => type)).toEqual(['snapshot', 'put', 'put'])
  })

  it('that is cut off for longer than its lease, and comes back, finds out which node has its subnet now', async ({
    expect,
  }) => {
    await using tree = await Tree.grow()
    await using network = await TestNetwork.in([tree.hub], ipv4Network, { leaseTermMs: TERM_MS })
    const near = network.manager()
    const far = network.manager({
      servers: [tree.leaf.url],
      domain: 'hub',
      patienceMs: 30_000,
      requestTimeoutMs: 1_000,
    })
    await using atHub = await Watcher.on(near)
    await using atLeaf = await Watcher.on(far)
    const lost = await far.acquireLease({ attributes: attributesOf(1) })
    for (const watcher of [atHub, atLeaf]) await watcher.untilShowsLease(lost)

    tree.connection.cut()
    await atHub.untilShows()
    const taken = await near.acquireLease({ attributes: attributesOf(2), previous: lost })
    expect(taken.subnet).toBe(lost.subnet)
    await atLeaf.until('an error', () => atLeaf.errors.length > 0)
    expect(atLeaf.errors[0]).toMatchObject({ code: 'STORE_UNAVAILABLE' })

    tree.connection.mend()
    await expect(far.renewLease(lost)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    const next = await far.acquireLease({ attributes: attributesOf(1), previous: lost })
    await atHub.untilShowsLease(next)
    await atLeaf.untilShowsLease(next)
  })
})
