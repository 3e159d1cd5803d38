import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TcpProxy, Watcher } from '@selvedge/lab'
import { Etcd3 } from 'etcd3'
import { describe, it } from 'vitest'
import { EtcdServer } from './etcd-server.js'
import { FaultyClient } from './faulty-client.js'
import { attributesOf, ipv4Network, TestNetwork } from './network.js'

const VALUE = '{"PublicIP":"192.0.2.50"}'

describe.concurrent('a watch', () => {
  it('goes on where it was when etcd is killed and comes back, without a new snapshot', async ({
    expect,
  }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint])
    await using watcher = await Watcher.on(network.manager())
    await network.put('10.99.1.0-24', VALUE)
    await watcher.untilShows('10.99.1.0-24')
    await etcd.kill()
    await watcher.until('error', () => watcher.errors.length > 0)
    await etcd.restart()
    await network.put('10.99.2.0-24', VALUE)
    await network.delete('10.99.1.0-24')
    await network.put('10.99.3.0-24', VALUE)
    await watcher.untilShows('10.99.2.0-24', '10.99.3.0-24')
    expect(watcher.events.map(({ type }) => type)).toEqual(['snapshot', 'put', 'put', 'delete', 'put'])
    expect(watcher.errors[0]).toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })

  it('misses nothing while etcd is killed time and again under writes', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint])
    await using watcher = await Watcher.on(network.manager())
    for (let round = 0; round < 3; round += 1) {
      const writing = Promise.all(
        Array.from({ length: 40 }, (_, index) => network.put(`10.99.${40 * round + index}.0-24`, VALUE)),
      )
      await sleep(5)
      await etcd.kill()
      await etcd.restart()
      await writing
    }
    await network.put('10.99.200.0-24', VALUE)
    await watcher.until('the last write', () => watcher.leases.has('10.99.200.0-24'))
    const stored = await network.contents()
    expect(watcher.keys).toEqual(stored.map(({ key }) => key.replace('/subnets/', '')).sort())
  })

  it('detects an etcd that is frozen, and goes on when it thaws', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint])
    await using watcher = await Watcher.on(network.manager())
    const frozenAt = performance.now()
    etcd.freeze()
    await watcher.until('error', () => watcher.errors.length > 0)
    // A ping after at most 6 s, 2 s for its answer, 3.5 s for another connection; the rest is for a loaded machine.
    expect(performance.now() - frozenAt).toBeLessThan(16_000)
    etcd.thaw()
    await network.put('10.99.1.0-24', VALUE)
    await watcher.untilShows('10.99.1.0-24')
  })

  it('reports a snapshot if the history it missed was compacted', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using proxy = await TcpProxy.to(etcd.port)
    await using network = await TestNetwork.in([etcd.endpoint])
    await network.put('10.99.1.0-24', VALUE)
    await using watcher = await Watcher.on(network.manager({ endpoints: [`http://127.0.0.1:${proxy.port}`] }))
    await watcher.untilShows('10.99.1.0-24')
    proxy.cut()
    await network.delete('10.99.1.0-24')
    await network.put('10.99.2.0-24', VALUE)
    const { header } = await network.admin.kv.range({ key: Buffer.from('any') })
    await network.admin.kv.compact({ revision: header.revision, physical: true })
    proxy.mend()
    await watcher.untilShows('10.99.2.0-24')
    expect(watcher.events.map(({ type }) => type)).toEqual(['snapshot', 'snapshot'])
    await network.put('10.99.3.0-24', VALUE)
    await watcher.untilShows('10.99.2.0-24', '10.99.3.0-24')
  })

  it('reports a snapshot if etcd was restored to an earlier state', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint])
    for (const number of [1, 2, 3]) await network.put(`10.99.${number}.0-24`, VALUE)
    await using watcher = await Watcher.on(network.manager())
    await etcd.forget()
    await network.put('10.99.9.0-24', VALUE)
    await watcher.untilShows('10.99.9.0-24')
    const snapshots = watcher.events.filter(({ type }) => type === 'snapshot')
    expect(snapshots).toMatchObject([{ leases: { length: 3 } }, { storeWasReset: true }])
  })

  it('finds out that etcd was wiped, though it has more history by then than before', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using proxy = await TcpProxy.to(etcd.port)
    await using network = await TestNetwork.in([etcd.endpoint])
    await network.put('10.99.1.0-24', VALUE)
    await using watcher = await Watcher.on(network.manager({ endpoints: [`http://127.0.0.1:${proxy.port}`] }))
    proxy.cut()
    await etcd.forget()
    for (let number = 2; number < 10; number += 1) await network.put(`10.99.${number}.0-24`, VALUE)
    await network.setConfig(ipv4Network)
    for (let number = 10; number < 20; number += 1) await network.put(`10.99.${number}.0-24`, VALUE)
    proxy.mend()
    await watcher.until('all leases', () => watcher.leases.size === 18)
    expect(watcher.events.at(-1)).toMatchObject({ type: 'snapshot', storeWasReset: true })
  })

  it('is reopened at once, and reports no failure, if it is cut after a second', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using proxy = await TcpProxy.to(etcd.port)
    await using network = await TestNetwork.in([etcd.endpoint])
    const cuts: string[] = []
    const endpoints = [`http://127.0.0.1:${proxy.port}`]
    const manager = network.manager({ endpoints, onWatchCut: ({ message }) => cuts.push(message) })
    await using watcher = await Watcher.on(manager)
    for (const number of [1, 2, 3]) {
      await sleep(1_500)
      proxy.breakAll()
      await network.put(`10.99.${number}.0-24`, VALUE)
      const putAt = performance.now()
      await watcher.until('the lease', () => watcher.leases.size === number)
      expect(performance.now() - putAt).toBeLessThan(1_000)
    }
    expect(cuts).toHaveLength(3)
    expect(watcher.errors).toEqual([])
    expect(watcher.snapshots).toBe(1)
  })

  it('that breaks as soon as it opens is not opened again and again without a pause', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint])
    const client = new FaultyClient(etcd.endpoint)
    client.breakWatches()
    await using watcher = await Watcher.on(network.manager({ client }))
    await sleep(10_000)
    // After 0.1, 0.2, 0.4, 0.8, 1.6 s, and then every 2 s, less what the jitter takes: a watch, and a read before it.
    expect(client.requests.length).toBeLessThan(40)
    expect(watcher.errors.length).toBeLessThan(20)
    client.close()
  })

  it('survives a cluster that loses its leader, and so do calls', async ({ expect }) => {
    const members = await EtcdServer.startCluster(3)
    try {
      const endpoints = members.map(({ endpoint }) => endpoint)
      await using network = await TestNetwork.in(endpoints)
      const manager = network.manager()
      await using watcher = await Watcher.on(manager)
      const lease = await manager.acquireLease({ attributes: attributesOf(1) })
      const leaders = await Promise.all(members.map((member) => member.isLeader()))
      await members[leaders.indexOf(true)]?.kill()
      const survivors = new Etcd3({ hosts: endpoints.filter((_, index) => leaders[index] !== true) })
      const renewed = await manager.renewLease({ ...lease, attributes: attributesOf(1, '02:00:00:00:00:02') })
      const other = await network.manager().acquireLease({ attributes: attributesOf(2) })
      await watcher.untilShowsLease(other)
      expect([...watcher.leases.values()].map(({ attributes }) => attributes)).toContainEqual(
        renewed.attributes,
      )
      expect((await network.contents(survivors)).length).toBe(2)
      survivors.close()
    } finally {
      await Promise.all(members.map((member) => member[Symbol.asyncDispose]()))
    }
  })

  it('leaves a member that has lost its leader', async ({ expect }) => {
    const members = await EtcdServer.startCluster(3)
    try {
      const [lonely, ...others] = members
      if (lonely === undefined) throw new TypeError('three members were asked for')
      await using network = await TestNetwork.in([lonely.endpoint])
      await using watcher = await Watcher.on(network.manager())
      for (const other of others) other.freeze()
      await watcher.until('error', () => watcher.errors.length > 0)
      expect(watcher.errors[0]?.message).toMatch(/no leader/)
      for (const other of others) other.thaw()
      await using majority = await TestNetwork.in(others.map(({ endpoint }) => endpoint))
      await majority.admin.put(`${network.prefix}/subnets/10.99.7.0-24`).value(VALUE).exec()
      await watcher.untilShows('10.99.7.0-24')
    } finally {
      await Promise.all(members.map((member) => member[Symbol.asyncDispose]()))
    }
  })

  it('shows a node that was cut off for longer than its lease which node has its subnet now', async ({
    expect,
  }) => {
    await using etcd = await EtcdServer.start()
    await using proxy = await TcpProxy.to(etcd.port)
    await using network = await TestNetwork.in([etcd.endpoint])
    const cutOff = network.manager({ endpoints: [`http://127.0.0.1:${proxy.port}`], leaseTermMs: 5_000 })
    const other = network.manager()
    await using watcher = await Watcher.on(cutOff)
    await using otherWatcher = await Watcher.on(other)
    const lost = await cutOff.acquireLease({ attributes: attributesOf(1) })
    await otherWatcher.untilShowsLease(lost)
    proxy.cut()
    await otherWatcher.untilShows()
    const taken = await other.acquireLease({ attributes: attributesOf(2), previous: lost })
    expect(taken.subnet).toBe(lost.subnet)
    proxy.mend()
    await expect(cutOff.renewLease(lost)).rejects.toMatchObject({
      code: 'LEASE_LOST',
      message: expect.stringContaining('it is held by 192.0.2.2 now'),
    })
    await cutOff.releaseLease(lost)
    const next = await cutOff.acquireLease({ attributes: attributesOf(1), previous: lost })
    expect(next.subnet).not.toBe(taken.subnet)
    await watcher.until('both leases', () => watcher.leases.size === 2)
    expect((await network.contents()).map(({ key, value }) => key + value).join()).toContain('192.0.2.2')
  })
})

describe.concurrent('a call', () => {
  it('goes on to the next endpoint if one refuses, and if one is silent', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint])
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port')
    try {
      const manager = network.manager({
        endpoints: ['http://127.0.0.1:1', `http://127.0.0.1:${address.port}`, etcd.endpoint],
        requestTimeoutMs: 500,
        random: () => 0,
      })
      await manager.getNetworkConfig()
      const knownAt = performance.now()
      await manager.acquireLease({ attributes: attributesOf(1) })
      expect(performance.now() - knownAt, 'ms, once it knows which one answers').toBeLessThan(500)
      await using watcher = await Watcher.on(manager)
      expect(watcher.leases.size).toBe(1)
      expect(watcher.errors).toEqual([])
    } finally {
      silent.close()
    }
  })

  it('names every endpoint, and its answer, if none answers in time', async ({ expect }) => {
    await using network = await TestNetwork.in(['http://127.0.0.1:1', 'http://127.0.0.1:2'], 'none')
    const manager = network.manager({ patienceMs: 300 })
    const calledAt = performance.now()
    await expect(manager.acquireLease({ attributes: attributesOf(1) })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(
        /^listing the leases at .*: etcd does not answer at .*http:\/\/127\.0\.0\.1:[12] \(connect ECONNREFUSED 127\.0\.0\.1:[12]\), http/,
      ),
    })
    expect(performance.now() - calledAt).toBeLessThan(2_000)
  })

  it('waits for an etcd that comes back within its patience', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint])
    await etcd.kill()
    const joining = network.manager({ patienceMs: 20_000 }).acquireLease({ attributes: attributesOf(1) })
    await sleep(300)
    await etcd.restart()
    expect((await joining).subnet).toMatch(/^10\.99\./)
  })

  it('waits for a network config through an outage, and says why', async ({ expect }) => {
    await using etcd = await EtcdServer.start()
    await using network = await TestNetwork.in([etcd.endpoint], 'none')
    const waiting: string[] = []
    const manager = network.manager({ onWaiting: (why) => waiting.push(`${why.code} ${why.message}`) })
    const joining = manager.acquireLease({ attributes: attributesOf(1) })
    while (waiting.length === 0) await sleep(5)
    expect(waiting[0]).toContain(
      `CONFIG_NOT_FOUND etcd holds no network config; waiting for one: etcdctl put ${network.prefix}/config`,
    )
    await etcd.kill()
    while (waiting.length === 1) await sleep(5)
    expect(waiting[1]).toContain('STORE_UNAVAILABLE')
    await etcd.restart()
    await network.setConfig({ Network: '10.98.0.0/16' })
    expect((await joining).subnet).toMatch(/^10\.98\./)
  })
})
