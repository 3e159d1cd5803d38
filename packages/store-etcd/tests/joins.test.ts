import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, type Lease, leaseKey } from '@selvedge/core'
import { systemClock } from '@selvedge/core/kit'
import { leakWarnings, Watcher } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EtcdServer } from './etcd-server.js'
import { type Fate, FaultyClient } from './faulty-client.js'
import { attributesOf, dualStackNetwork, ipv4Network, ipv6Network, TestNetwork } from './network.js'

let etcd: EtcdServer

beforeAll(async () => {
  etcd = await EtcdServer.start({ flags: ['--max-txn-ops', '2000'] })
})

afterAll(() => etcd[Symbol.asyncDispose]())

const VALUE =
  '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}'

describe('a node that joins', () => {
  it('takes a hundred calls at once, and Node.js warns of no leak', async () => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const manager = network.manager()
    await manager.acquireLease({ attributes: attributesOf(1) })
    const calls = () => Promise.all(Array.from({ length: 100 }, () => manager.getNetworkConfig()))
    expect(await leakWarnings(calls)).toEqual([])
  })

  it('writes key and value byte for byte as flannel does, on an etcd lease of 24 hours', async () => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const before = Date.now()
    const lease = await network.manager().acquireLease({
      attributes: attributesOf(1),
      previous: { subnet: '10.99.52.0/24' },
    })
    const [record, ...more] = await network.contents()
    expect(more).toEqual([])
    expect(record).toMatchObject({ key: '/subnets/10.99.52.0-24', value: VALUE })
    const { grantedTTL } = await network.admin.leaseClient.leaseTimeToLive({ ID: record?.lease ?? '' })
    expect(grantedTTL).toBe('86400')
    expect(lease.expiresAt).toBeGreaterThanOrEqual(before + 86_400_000)
    expect(lease.expiresAt).toBeLessThanOrEqual(Date.now() + 86_400_000)
  })

  it('writes both subnets into the key of a dual-stack lease, and IPv6 alone as flannel does', async () => {
    await using dual = await TestNetwork.in([etcd.endpoint], dualStackNetwork)
    await dual.manager().acquireLease({
      attributes: { publicIp: '192.0.2.1', publicIpv6: '2001:db8::1' },
      previous: { subnet: '10.99.52.0/24', ipv6Subnet: 'fd99:0:0:42::/64' },
    })
    const [claim, record] = await dual.contents()
    expect(record).toMatchObject({
      key: '/subnets/10.99.52.0-24&fd99:0:0:42::-64',
      value: '{"PublicIP":"192.0.2.1","PublicIPv6":"2001:db8::1"}',
    })
    expect(claim).toMatchObject({ key: '/ipv6-claims/fd99:0:0:42::-64', lease: record?.lease })

    await using ipv6 = await TestNetwork.in([etcd.endpoint], ipv6Network)
    await ipv6.manager().acquireLease({
      attributes: { publicIpv6: '2001:db8::1' },
      previous: { ipv6Subnet: 'fd99:0:0:42::/64' },
    })
    expect((await ipv6.contents()).at(-1)).toMatchObject({ key: '/subnets/0.0.0.0-0&fd99:0:0:42::-64' })
  })

  it.for([0, 5_000])('costs three requests beside %i peers', async (peers) => {
    await using network = await TestNetwork.in([etcd.endpoint], { Network: '10.0.0.0/8', SubnetLen: 24 })
    await fill(network, peers)
    const client = new FaultyClient(etcd.endpoint)
    const manager = network.manager({ client })
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    expect(client.requests).toEqual(['txn', 'grant', 'txn'])
    client.requests.length = 0
    await manager.acquireLease({ attributes: attributesOf(1), previous: lease })
    expect(client.requests, 'a node that comes back unchanged').toEqual(['txn', 'keepAlive'])
    client.requests.length = 0
    await manager.acquireLease({ attributes: attributesOf(1) })
    expect(client.requests, 'one that does not know its subnet').toEqual(['txn', 'keepAlive', 'txn'])
    client.requests.length = 0
    await manager.renewLease(lease)
    expect(client.requests, 'a renewal').toEqual(['range', 'keepAlive'])
    client.close()
  })

  it('lists 25,000 peers by a client that accepts 4 MB, in pages', { timeout: 120_000 }, async () => {
    await using network = await TestNetwork.in([etcd.endpoint], { Network: '10.0.0.0/8', SubnetLen: 24 })
    await fill(network, 25_000)
    const client = new FaultyClient(etcd.endpoint)
    const manager = network.manager({ client })
    await manager.acquireLease({ attributes: attributesOf(1) })
    expect(client.requests).toEqual(['txn', 'range', 'range', 'grant', 'txn'])
    for (const reused of [true, false]) {
      await using watcher = await Watcher.on(manager)
      expect(watcher.leases.size, reused ? 'after the list of the join' : 'after one of its own').toBe(25_001)
    }
    client.close()
  })

  it.for([
    ['IPv4', ipv4Network, (node: number) => ({ publicIp: `192.0.2.${node}` })],
    [
      'dual-stack',
      dualStackNetwork,
      (node: number) => ({ publicIp: `192.0.2.${node}`, publicIpv6: `2001:db8::${node}` }),
    ],
    ['IPv6-only', ipv6Network, (node: number) => ({ publicIpv6: `2001:db8::${node}` })],
  ] as const)(
    'is one of 200 that join 200 %s subnets at once, and all get one',
    async ([, config, attributes]) => {
      await using network = await TestNetwork.in([etcd.endpoint], config)
      const leasesBefore = (await network.etcdLeases()).length
      const nodes = Array.from({ length: 200 }, (_, index) => ({
        node: index + 1,
        manager: network.manager(),
      }))
      await Promise.all(nodes.map(({ manager }) => manager.getNetworkConfig()))
      const leases = await Promise.all(
        nodes.map(({ node, manager }) => manager.acquireLease({ attributes: attributes(node) })),
      )
      const families = [!('EnableIPv4' in config) && 'subnet', 'EnableIPv6' in config && 'ipv6Subnet']
      for (const family of families) {
        if (family === false) continue
        expect(new Set(leases.map((lease) => Reflect.get(lease, family))).size, family).toBe(200)
      }
      const stored = (await network.contents()).filter(({ key }) => key.startsWith('/subnets/'))
      expect(stored.map(({ key }) => key).sort()).toEqual(
        leases.map((lease) => `/subnets/${leaseKey(lease)}`).sort(),
      )
      expect((await network.etcdLeases()).length - leasesBefore, 'etcd leases made').toBe(200)
    },
  )
})

describe('an answer that is lost', () => {
  /** Lets one request of `method` have that fate. */
  const once = (method: string, index: number, fate: Fate) => (name: string, at: number) =>
    name === method && at === index ? fate : 'answered'

  it.for(['lost', 'unanswered'] as const)(
    'of a creation that was %s: the node has one lease',
    async (fate) => {
      await using network = await TestNetwork.in([etcd.endpoint], dualStackNetwork)
      const client = new FaultyClient(etcd.endpoint, once('txn', 1, fate))
      const lease = await network.manager({ client }).acquireLease({ attributes: attributesOf(1) })
      const leases = (await network.contents()).filter(({ key }) => key.startsWith('/subnets/'))
      expect(leases.map(({ key }) => key)).toEqual([`/subnets/${leaseKey(lease)}`])
      const revoked = client.requests.filter((name) => name === 'revoke').length
      expect(revoked, 'an etcd lease that something may yet be hung on is ended').toBe(
        fate === 'lost' ? 1 : 0,
      )
      client.close()
    },
  )

  it('of a renewal that changes attributes: the new ones stand', async () => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const client = new FaultyClient(etcd.endpoint, once('txn', 2, 'unanswered'))
    const manager = network.manager({ client })
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    const changed = { ...lease, attributes: attributesOf(1, '02:00:00:00:00:01') }
    expect(await manager.renewLease(changed)).toMatchObject({ attributes: changed.attributes })
    expect((await network.contents())[0]?.value).toContain('02:00:00:00:00:01')
    client.close()
  })

  it('of a release: the lease is gone', async () => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const client = new FaultyClient(etcd.endpoint, once('txn', 2, 'unanswered'))
    const manager = network.manager({ client })
    await manager.releaseLease(await manager.acquireLease({ attributes: attributesOf(1) }))
    expect(await network.contents()).toEqual([])
    client.close()
  })
})

describe('a subnet taken between list and creation', () => {
  /** Runs `meanwhile` right before the transaction that creates the lease. */
  async function join(
    network: TestNetwork,
    subnets: Pick<Lease, 'subnet' | 'ipv6Subnet'>,
    meanwhile: () => Promise<void>,
  ) {
    const client = new FaultyClient(etcd.endpoint, async (method, index): Promise<Fate> => {
      if (method === 'txn' && index === 1) await meanwhile()
      return 'answered'
    })
    try {
      return await network
        .manager({ client })
        .acquireLease({ attributes: attributesOf(1), previous: subnets })
    } finally {
      client.close()
    }
  }

  it('by a flanneld in a network without IPv6, in one with it, and with another length', async () => {
    await using network = await TestNetwork.in([etcd.endpoint])
    for (const [third, key] of [
      [11, '10.99.11.0-24'],
      [12, '10.99.12.0-24&fd99:0:0:12::-64'],
      [13, '10.99.13.0-25'],
    ] as const) {
      const subnet = `10.99.${third}.0/24`
      const lease = await join(network, { subnet }, () => network.put(key, '{"PublicIP":"192.0.2.99"}'))
      expect(lease.subnet).not.toBe(subnet)
      await network.manager().releaseLease(lease)
    }
  })

  it('by a flanneld that takes the same IPv6 subnet with another IPv4 one', async () => {
    await using network = await TestNetwork.in([etcd.endpoint], dualStackNetwork)
    const ipv6Subnet = 'fd99:0:0:42::/64'
    const lease = await join(network, { ipv6Subnet }, () =>
      network.put('10.99.77.0-24&fd99:0:0:42::-64', '{"PublicIP":"192.0.2.99"}'),
    )
    expect(lease.ipv6Subnet).not.toBe(ipv6Subnet)
  })

  it('by other nodes of ours, until the last of them takes the same IPv6 subnet', async () => {
    await using network = await TestNetwork.in([etcd.endpoint], dualStackNetwork)
    const wanted = { subnet: '10.99.150.0/24', ipv6Subnet: 'fd99:0:0:42::/64' }
    // Three times it is enough that anyone joins; the fourth time the claim alone stands in the way.
    let joined = 0
    const client = new FaultyClient(etcd.endpoint, async (method, index): Promise<Fate> => {
      if (method !== 'txn' || index % 2 === 0 || joined === 4) return 'answered'
      joined += 1
      const previous = joined === 4 ? { ipv6Subnet: wanted.ipv6Subnet } : {}
      await network.manager().acquireLease({ attributes: attributesOf(100 + joined), previous })
      return 'answered'
    })
    const lease = await network
      .manager({ client })
      .acquireLease({ attributes: attributesOf(1), previous: wanted })
    client.close()
    expect(joined).toBe(4)
    expect(lease.subnet).toBe(wanted.subnet)
    expect(lease.ipv6Subnet).not.toBe(wanted.ipv6Subnet)
  })
})

describe('the first snapshot after joining is what a list would show', () => {
  const OTHER = '{"PublicIP":"192.0.2.99"}'

  it.for<[string, readonly string[], (network: TestNetwork) => Promise<void>]>([
    ['nothing changed meanwhile', ['txn', 'watch'], async () => {}],
    [
      'others joined, changed, and wrote garbage',
      ['txn', 'watch'],
      async (network) => {
        await network.put('10.99.77.0-24', OTHER)
        await network.put('10.99.11.0-24', OTHER)
        await network.put('10.99.12.0-24', 'garbage')
      },
    ],
    ['another left', ['txn', 'txn', 'watch'], (network) => network.delete('10.99.11.0-24')],
    [
      'one left and one joined',
      ['txn', 'txn', 'watch'],
      async (network) => {
        await network.delete('10.99.11.0-24')
        await network.put('10.99.78.0-24', OTHER)
      },
    ],
    [
      'one left and was back',
      ['txn', 'watch'],
      async (network) => {
        await network.delete('10.99.11.0-24')
        await network.put('10.99.11.0-24', OTHER)
      },
    ],
  ])('if %s', async ([, requests, meanwhile]) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    await network.put('10.99.11.0-24', '{"PublicIP":"192.0.2.11"}')
    await network.put('10.99.12.0-24', '{"PublicIP":"192.0.2.12"}')
    await network.put('10.99.13.0-24', 'garbage')
    // A lease of the node's own, with another prefix length than the config has: replaced in the same transaction.
    await network.put('10.99.52.0-25', '{"PublicIP":"192.0.2.1"}', await someLease(network))
    const client = new FaultyClient(etcd.endpoint)
    const manager = network.manager({ client })
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    await meanwhile(network)
    client.requests.length = 0
    await using watcher = await Watcher.on(manager)
    await until('a watch', () => client.requests.includes('watch'))
    expect(client.requests).toEqual(requests)
    await using afterwards = await Watcher.on(network.manager())
    expect(watcher.leases).toEqual(afterwards.leases)
    expect(watcher.leases.has(leaseKey(lease))).toBe(true)
    expect(watcher.errors.map(String)).toEqual(afterwards.errors.map(String))
    // From there on, no change is missed and none reported twice.
    await network.put('10.99.79.0-24', OTHER)
    await watcher.until('the next lease', () => watcher.leases.has('10.99.79.0-24'))
    expect(watcher.events.map(({ type }) => type)).toEqual(['snapshot', 'put'])
    client.close()
  })

  it('and for the next watch, or after a while, leases are listed', async () => {
    let pass = () => {}
    const twoSeconds = new Promise<void>((resolve) => {
      pass = resolve
    })
    const clock: Clock = {
      ...systemClock,
      sleep: (milliseconds, options) =>
        milliseconds === 2_000 ? twoSeconds : systemClock.sleep(milliseconds, options),
    }
    await using network = await TestNetwork.in([etcd.endpoint])
    const client = new FaultyClient(etcd.endpoint)
    const manager = network.manager({ client, clock })
    await manager.acquireLease({ attributes: attributesOf(1) })
    pass()
    await twoSeconds
    client.requests.length = 0
    for (const watches of [1, 2]) {
      await using _watcher = await Watcher.on(manager)
      await until('a watch', () => client.requests.filter((name) => name === 'watch').length >= watches)
    }
    expect(client.requests).toEqual(['txn', 'watch', 'txn', 'watch'])
    client.close()
  })
})

/** Waits for what no watch reports. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`no ${what} within 30 s`)
    await sleep(5)
  }
}

/** An etcd lease of an hour. */
async function someLease(network: TestNetwork): Promise<string> {
  return (await network.admin.leaseClient.leaseGrant({ TTL: '3600' })).ID
}

/** Leases of so many peers, on one etcd lease. */
async function fill(network: TestNetwork, peers: number): Promise<void> {
  const lease = await someLease(network)
  for (let first = 0; first < peers; first += 1_000) {
    const numbers = Array.from({ length: Math.min(1_000, peers - first) }, (_, index) => first + index)
    await network.admin.kv.txn({
      compare: [],
      success: numbers.map((number) => ({
        request_put: {
          key: Buffer.from(`${network.prefix}/subnets/10.${number >> 8}.${number & 255}.0-24`),
          value: Buffer.from(VALUE.replace('192.0.2.1', `172.16.${number >> 8}.${number & 255}`)),
          lease,
        },
      })),
    })
  }
}
