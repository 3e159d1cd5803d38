import { type Clock, copyLeases, leaseKey } from '@selvedge/core'
import { encodeLeaseAttributes, systemClock } from '@selvedge/core/kit'
import { Watcher } from '@selvedge/lab'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { EtcdServer } from './etcd-server.js'
import { attributesOf, dualStackNetwork, ipv4Network, ipv6Network, TestNetwork } from './network.js'

const DAY = 86_400_000

let etcd: EtcdServer

beforeAll(async () => {
  etcd = await EtcdServer.start()
})

afterAll(() => etcd[Symbol.asyncDispose]())

/** A lease as flanneld writes it, on an etcd lease of so many seconds. */
async function putFlannelLease(
  network: TestNetwork,
  key: string,
  node: number,
  ttl: number,
): Promise<string> {
  const { ID } = await network.admin.leaseClient.leaseGrant({ TTL: String(ttl) })
  await network.put(key, encodeLeaseAttributes(attributesOf(node)), ID)
  return ID
}

describe.concurrent('a lease that flanneld wrote', () => {
  it('is found again by public IP, and its etcd lease extended', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const id = await putFlannelLease(network, '10.99.7.0-24', 1, 86_400)
    const lease = await network.manager().acquireLease({ attributes: attributesOf(1, '02:00:00:00:00:01') })
    expect(lease.subnet).toBe('10.99.7.0/24')
    const [record] = await network.contents()
    expect(record).toMatchObject({ key: '/subnets/10.99.7.0-24', lease: id })
    expect(record?.value).toBe(encodeLeaseAttributes(attributesOf(1, '02:00:00:00:00:01')))
  })

  it('moves to an etcd lease of our term if that is another, and the old one is revoked', async ({
    expect,
  }) => {
    await using network = await TestNetwork.in([etcd.endpoint], dualStackNetwork)
    const old = await putFlannelLease(network, '10.99.7.0-24&fd99:0:0:7::-64', 1, 100)
    const before = Date.now()
    const lease = await network.manager().acquireLease({ attributes: attributesOf(1) })
    expect(lease.expiresAt).toBeGreaterThanOrEqual(before + DAY)
    const [claim, record] = await network.contents()
    expect(record).toMatchObject({ key: '/subnets/10.99.7.0-24&fd99:0:0:7::-64' })
    expect(record?.lease).not.toBe(old)
    expect(claim).toMatchObject({ key: '/ipv6-claims/fd99:0:0:7::-64', lease: record?.lease })
    expect(await network.etcdLeases()).not.toContain(old)
  })

  it('of an IPv6-only network is found again by public IPv6', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint], ipv6Network)
    const key = '0.0.0.0-0&fd99:0:0:42::-64'
    await network.put(key, '{"PublicIP":"0.0.0.0","PublicIPv6":"2001:db8::7","BackendType":"vxlan"}')
    const manager = network.manager()
    const lease = await manager.acquireLease({ attributes: { publicIpv6: '2001:db8::7' } })
    const other = await manager.acquireLease({ attributes: { publicIpv6: '2001:db8::8' } })
    expect(lease.ipv6Subnet).toBe('fd99:0:0:42::/64')
    expect(other.ipv6Subnet).not.toBe(lease.ipv6Subnet)
  })

  it('outside the network is given up, in the transaction that writes the new one', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    await using watcher = await Watcher.on(network.manager())
    await putFlannelLease(network, '10.42.7.0-24', 1, 86_400)
    const lease = await network.manager().acquireLease({ attributes: attributesOf(1) })
    await watcher.until('the new lease alone', () => watcher.leases.size === 1 && watcher.events.length === 4)
    expect(watcher.events.map(({ type }) => type)).toEqual(['snapshot', 'put', 'put', 'delete'])
    expect(watcher.leases.values().next().value?.subnet).toBe(lease.subnet)
    const { kvs } = await network.admin.getAll().prefix(`${network.prefix}/subnets/`).exec()
    expect(kvs).toHaveLength(1)
  })
})

describe.concurrent('a reservation', () => {
  it('stays one over renewals, changed attributes, and restarts of node and etcd', async ({ expect }) => {
    await using own = await EtcdServer.start()
    await using network = await TestNetwork.in([own.endpoint])
    await network.put('10.99.7.0-24', '{"PublicIP":"192.0.2.1"}')
    for (const mac of ['02:00:00:00:00:01', '02:00:00:00:00:02']) {
      const manager = network.manager()
      const lease = await manager.acquireLease({ attributes: attributesOf(1, mac) })
      expect(lease).toMatchObject({ subnet: '10.99.7.0/24', attributes: attributesOf(1, mac) })
      expect(lease.expiresAt).toBeUndefined()
      expect(
        (await manager.renewLease({ ...lease, attributes: attributesOf(1, 'new') })).expiresAt,
      ).toBeUndefined()
      expect(await network.contents()).toEqual([
        { key: '/subnets/10.99.7.0-24', value: encodeLeaseAttributes(attributesOf(1, 'new')), lease: '0' },
      ])
      await manager[Symbol.asyncDispose]()
      await own.kill()
      await own.restart()
    }
    expect(await network.etcdLeases()).toEqual([])
  })
})

describe.concurrent('a copy from etcd to etcd', () => {
  it('has each lease with a term, each reservation as one, and of a node’s leases the younger', async ({
    expect,
  }) => {
    await using from = await TestNetwork.in([etcd.endpoint])
    await using to = await TestNetwork.in([etcd.endpoint])
    await putFlannelLease(from, '10.99.9.0-24', 1, 600)
    await putFlannelLease(from, '10.99.7.0-24', 1, 600)
    await putFlannelLease(from, '10.99.8.0-24', 2, 600)
    await from.manager().reserve({ subnet: '10.99.20.0/22', attributes: attributesOf(3) })
    const report = await copyLeases(from.manager(), to.manager())
    expect(report).toMatchObject({ copied: [{}, {}], reserved: [{}], present: [] })
    const contents = await to.contents()
    expect(contents.map(({ key, lease }) => [key, lease === '0'])).toEqual([
      ['/subnets/10.99.20.0-22', true],
      ['/subnets/10.99.7.0-24', false],
      ['/subnets/10.99.8.0-24', false],
    ])
    const again = await copyLeases(from.manager(), to.manager())
    expect(again).toMatchObject({ copied: [], reserved: [], present: [{}, {}, {}] })
    expect(await to.contents()).toEqual(contents)
  })
})

describe.concurrent('renewals', () => {
  it('neither make new etcd leases nor reach other watches, until attributes change', async ({ expect }) => {
    await using own = await EtcdServer.start()
    await using network = await TestNetwork.in([own.endpoint], dualStackNetwork)
    const manager = network.manager()
    await using watcher = await Watcher.on(manager)
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    const leases = await network.etcdLeases()
    for (let round = 0; round < 5; round += 1) await manager.renewLease(lease)
    for (const mac of ['02:00:00:00:00:01', '02:00:00:00:00:02']) {
      await manager.renewLease({ ...lease, attributes: attributesOf(1, mac) })
    }
    await watcher.until('two changes', () => watcher.events.length === 4)
    expect(watcher.events.map(({ type }) => type)).toEqual(['snapshot', 'put', 'put', 'put'])
    expect(await network.etcdLeases()).toEqual(leases)
    await manager.releaseLease(lease)
    expect(await network.contents()).toEqual([])
    expect(await network.etcdLeases()).toEqual([])
  })

  it('never touch a lease that another node holds by now', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const manager = network.manager()
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    const key = lease.subnet?.replace('/', '-') ?? ''
    await putFlannelLease(network, key, 2, 600)
    const before = await network.contents()
    await expect(manager.renewLease(lease)).rejects.toMatchObject({ code: 'LEASE_LOST' })
    await manager.releaseLease(lease)
    expect(await network.contents()).toEqual(before)
  })

  it('do not depend on a clock that jumps', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    let offset = 0
    const clock: Clock = { ...systemClock, now: () => Date.now() + offset }
    const manager = network.manager({ clock })
    await using watcher = await Watcher.on(manager)
    let lease = await manager.acquireLease({ attributes: attributesOf(1) })
    for (offset of [400 * DAY, -400 * DAY, 0]) {
      const before = clock.now()
      lease = await manager.renewLease(lease)
      expect(lease.expiresAt).toBeGreaterThanOrEqual(before + DAY)
      expect(lease.expiresAt).toBeLessThanOrEqual(clock.now() + DAY)
      const again = await manager.acquireLease({ attributes: attributesOf(1) })
      expect(again.subnet).toBe(lease.subnet)
    }
    const other = await manager.acquireLease({ attributes: attributesOf(2) })
    await watcher.untilShowsLease(other)
    expect(watcher.leases.size).toBe(2)
    expect(watcher.errors).toEqual([])
  })
})

describe.concurrent('the age of a lease', () => {
  it('is the revision at which its key was made, whatever is written to it later', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const manager = network.manager()
    await network.put('10.99.7.0-24', '{"PublicIP":"192.0.2.7"}')
    await using watcher = await Watcher.on(manager)
    const lease = await manager.acquireLease({ attributes: attributesOf(1) })
    await watcher.untilShowsLease(lease)
    const ages = () => [...watcher.leases.values()].map(({ created }) => created)
    const [older = 0, younger = 0] = ages()
    expect(older).toBeGreaterThan(0)
    expect(younger).toBeGreaterThan(older)
    await network.put('10.99.7.0-24', '{"PublicIP":"192.0.2.8"}')
    const moved = { attributes: attributesOf(2) }
    expect(await manager.renewLease(lease, moved)).toMatchObject({ created: younger })
    await watcher.until('both changes', () => watcher.events.length === 4)
    expect(ages()).toEqual([older, younger])
    expect(await manager.acquireLease(moved)).toMatchObject({ created: younger })
  })
})

describe.concurrent('a value as Go reads it', () => {
  const values = [
    ['keys in another case', '{"publicIP":"192.0.2.1","BACKENDTYPE":"vxlan","backenddata":{"VNI":7}}'],
    [
      'keys more than once, the last of which counts',
      '{"PublicIP":"192.0.2.9","BackendType":"udp","PublicIP":"192.0.2.1","backendType":"vxlan","BackendData":{"VNI":7}}',
    ],
    [
      'null, which leaves what was there',
      '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendType":null,"BackendData":{"VNI":7}}',
    ],
  ] as const

  it.for(values)('(%s) is a lease to peers, and a reservation to its node', async ([, value], { expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    await using watcher = await Watcher.on(network.manager())
    await network.put('10.99.7.0-24', value)
    await watcher.untilShows('10.99.7.0-24')
    const attributes = { publicIp: '192.0.2.1', backendType: 'vxlan', backendData: { VNI: 7 } }
    expect(watcher.leases.get('10.99.7.0-24')?.attributes).toMatchObject(attributes)
    expect(watcher.errors).toEqual([])
    const lease = await network.manager().acquireLease({ attributes: attributesOf(1) })
    expect(lease.subnet).toBe('10.99.7.0/24')
    expect(lease.expiresAt).toBeUndefined()
    expect(await network.contents()).toEqual([
      { key: '/subnets/10.99.7.0-24', value: encodeLeaseAttributes(attributesOf(1)), lease: '0' },
    ])
  })
})

describe.concurrent('keys and values that are not a lease', () => {
  const garbage: [string, string, RegExp][] = [
    ['hello', '{"PublicIP":"192.0.2.9"}', /its key names no subnet/],
    ['10.99.300.0-24', '{"PublicIP":"192.0.2.9"}', /its key names no subnet/],
    ['10.99.1.0-24/more', '{"PublicIP":"192.0.2.9"}', /its key names no subnet/],
    ['10.99.2.7-24', '{"PublicIP":"192.0.2.9"}', /its key would have to be 10\.99\.2\.0-24/],
    ['10.99.3.0-24', '', /its value is not a lease/],
    ['10.99.4.0-24', 'null', /its value is not a lease: a lease is a JSON object/],
    ['10.99.5.0-24', '{"PublicIP":7}', /its value is not a lease: PublicIP is 7/],
    ['10.99.6.0-24', '\u0000\ufffd', /its value is not a lease/],
  ]

  it('are reported once each, and affect no other lease', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    await network.put('10.99.7.0-24', '{"PublicIP":"192.0.2.1"}')
    for (const [key, value] of garbage.slice(0, 4)) await network.put(key, value)
    const manager = network.manager()
    await using watcher = await Watcher.on(manager)
    for (const [key, value] of garbage.slice(4)) await network.put(key, value)
    await manager.acquireLease({ attributes: attributesOf(2), previous: { subnet: '10.99.8.0/24' } })
    await watcher.untilShows('10.99.7.0-24', '10.99.8.0-24')
    const messages = watcher.errors.map((error) => error.message)
    for (const [key, , problem] of garbage) {
      const about = messages.filter((message) =>
        message.startsWith(`etcd key ${network.prefix}/subnets/${key}: `),
      )
      expect(about, key).toEqual([expect.stringMatching(problem)])
    }
    expect(messages).toHaveLength(garbage.length)
    expect(new Set(watcher.errors.map((error) => Reflect.get(error, 'code')))).toEqual(
      new Set(['INVALID_LEASE']),
    )
  })

  it('move no terminal and fill no line', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    await using watcher = await Watcher.on(network.manager())
    const keys = ['a\nb\u001b[2J\u009b\u202e', 'x'.repeat(1_000)]
    for (const key of keys) await network.put(key, '{}')
    await network.put('10.99.7.0-24', `{"PublicIP":"\u001b[2J\u202e${'x'.repeat(100_000)}"}`)
    await watcher.until('three errors', () => watcher.errors.length === 3)
    for (const { message } of watcher.errors) {
      expect(message.length).toBeLessThan(500)
      expect(message).not.toMatch(/[\p{Cc}\u202e]/u)
    }
    expect(watcher.errors[0]?.message).toContain(String.raw`a\u000ab\u001b[2J\u009b\u202e: its key names`)
  })

  it('of more megabytes than a reply may have are listed and watched, and no lease is missed', async ({
    expect,
  }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const huge = 'x'.repeat(1_400_000)
    const put = async (from: number, to: number) => {
      for (let n = from; n < to; n += 1) await network.put(`10.99.${n}.0-24`, huge)
    }
    await network.put('10.99.1.0-24', '{"PublicIP":"192.0.2.1"}')
    await put(2, 16)
    await network.put('10.99.99.0-24', '{"PublicIP":"192.0.2.99"}')
    const manager = network.manager()
    const own = await manager.acquireLease({
      attributes: attributesOf(2),
      previous: { subnet: '10.99.100.0/24' },
    })
    expect(own.subnet).toBe('10.99.100.0/24')
    await using watcher = await Watcher.on(network.manager())
    await put(16, 20)
    await network.put('10.99.101.0-24', '{"PublicIP":"192.0.2.101"}')
    await watcher.untilShows('10.99.1.0-24', '10.99.100.0-24', '10.99.101.0-24', '10.99.99.0-24')
    expect(watcher.errors.filter(({ message }) => message.includes('longer than 65536'))).toHaveLength(18)
  })

  it('keep the subnets that their keys name', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint], {
      ...ipv4Network,
      SubnetMin: '10.99.1.0',
      SubnetMax: '10.99.7.0',
    })
    for (const [key, value] of garbage) await network.put(key, value)
    const manager = network.manager()
    // 10.99.2.0 to 10.99.6.0 are named by keys above.
    const leases = [
      await manager.acquireLease({ attributes: attributesOf(1) }),
      await manager.acquireLease({ attributes: attributesOf(2) }),
    ]
    expect(leases.map(({ subnet }) => subnet).sort()).toEqual(['10.99.1.0/24', '10.99.7.0/24'])
    await expect(manager.acquireLease({ attributes: attributesOf(3) })).rejects.toMatchObject({
      code: 'SUBNETS_EXHAUSTED',
    })
  })

  it('under the key of a lease do not move its node to another subnet', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint], dualStackNetwork)
    const manager = network.manager()
    const attributes = { ...attributesOf(1), publicIpv6: '2001:db8::1' }
    let lease = await manager.acquireLease({ attributes })
    for (const value of ['x', '{}', '{"PublicIP":"0.0.0.0","BackendType":"vxlan"}', '['.repeat(20_000)]) {
      await network.put(leaseKey(lease), value)
      await expect(manager.renewLease(lease)).rejects.toMatchObject({ code: 'LEASE_LOST' })
      const again = await manager.acquireLease({ attributes, previous: lease, former: lease })
      expect(leaseKey(again), value).toBe(leaseKey(lease))
      expect((await network.contents()).map(({ lease: id }) => id)).not.toContain('0')
      lease = again
    }
    // Another node's record stays, and so does garbage that is not under this node's key.
    await network.put(leaseKey(lease), encodeLeaseAttributes(attributesOf(2)))
    const other = await manager.acquireLease({ attributes, previous: lease, former: lease })
    expect(other.subnet).not.toBe(lease.subnet)
  })

  it('that overwrite a lease end it, and a repaired one is back', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    await using watcher = await Watcher.on(network.manager())
    for (const value of [
      '{"PublicIP":"192.0.2.1"}',
      'broken',
      'broken otherwise',
      '{"PublicIP":"192.0.2.1"}',
    ]) {
      await network.put('10.99.7.0-24', value)
    }
    await watcher.until('four events', () => watcher.events.length === 4)
    expect(watcher.events.map(({ type }) => type)).toEqual(['snapshot', 'put', 'delete', 'put'])
    expect(watcher.errors).toHaveLength(2)
  })
})

describe.concurrent('a network config that breaks a rule', () => {
  it('is not written, and neither is one that no node would read to its end', async ({ expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint])
    const manager = network.manager()
    for (const config of ['{"Network"', { ...ipv4Network, Comment: 'x'.repeat(300_000) }]) {
      await expect(manager.setNetworkConfig(config)).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    }
    expect((await manager.getNetworkConfig()).ipv4?.network).toBe(ipv4Network.Network)
  })

  it.for([
    [
      'no JSON',
      'Network: 10.99.0.0/16',
      /etcd key .*\/config: the network config cannot be read: it is not JSON/,
    ],
    ['a bad network', '{"Network":"10.99.0.0/33"}', /etcd key .*\/config: .*Network is "10\.99\.0\.0\/33"/],
  ] as const)('(%s) is INVALID_CONFIG and names its key', async ([, config, message], { expect }) => {
    await using network = await TestNetwork.in([etcd.endpoint], 'none')
    await network.setConfig(config)
    const manager = network.manager()
    for (const call of [
      () => manager.getNetworkConfig(),
      () => manager.acquireLease({ attributes: attributesOf(1) }),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: 'INVALID_CONFIG',
        message: expect.stringMatching(message),
      })
    }
    expect(await network.contents()).toEqual([])
  })
})
