/**
 * Records that anyone with write access to etcd may put beside the nodes' leases, by mistake or on purpose. Each is put
 * into a real etcd while pods ping one another and hosts ping etcd; afterwards the kernels hold what they held before,
 * the logs say why, and no ping is lost.
 */
import { readFile } from 'node:fs/promises'
import { until } from '@selvedge/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  Cluster,
  ETCD_ADDRESS,
  type Hostile,
  IPV6_NETWORK,
  mac,
  macsOf,
  NETWORK,
  vxlanRecord,
} from './hostile-cluster.js'
import { Rig } from './rig.js'
import { filesOf } from './selvedged.js'

describe('vxlan', () => {
  let cluster: Cluster

  beforeAll(async () => {
    cluster = await Cluster.create(
      { ...NETWORK, ...IPV6_NETWORK, Backend: { Type: 'vxlan' } },
      vxlanRecord(90),
      { ipv6: true },
    )
  })
  afterAll(() => cluster?.[Symbol.asyncDispose]())

  test('subnets that hold addresses of the LAN, or lie outside the network', async () => {
    const outside = (key: string, reported: RegExp): Hostile => ({ key, value: vxlanRecord(66), reported })
    await cluster.withstands([
      outside('192.168.77.254-32', /192\.168\.77\.254\/32 .*gets no resources: .* overlaps 192\.168\.77\./),
      outside('192.168.77.128-25', /192\.168\.77\.128\/25 .*gets no resources: .* overlaps 192\.168\.77\./),
      outside('192.168.77.2-32', /192\.168\.77\.2\/32 .*gets no resources/),
      outside('0.0.0.0-1', /0\.0\.0\.0\/1 .*gets no resources/),
      outside('127.0.0.0-8', /127\.0\.0\.0\/8 .*gets no resources: .*loopback/),
      outside('224.0.0.0-8', /224\.0\.0\.0\/8 .*gets no resources: .*multicast/),
      outside('8.8.8.0-24', /8\.8\.8\.0\/24 .*gets no resources: .* is not inside 10\.244\.0\.0\/16/),
    ])
  })

  test('subnets of the network that hold etcd, which is behind a gateway', async () => {
    const taken = (key: string): Hostile => ({
      key,
      value: vxlanRecord(66),
      reported: new RegExp(
        `${key.replace('-', '/')} .*gets no resources: .* overlaps 10\\.244\\.254\\.1, at which etcd is reached`,
      ),
    })
    await cluster.withstands([taken('10.244.254.1-32'), taken('10.244.254.0-24'), taken('10.244.252.0-22')])
  })

  test('subnets of the network that are on another link of the host', async () => {
    const taken = (key: string): Hostile => ({
      key,
      value: vxlanRecord(66),
      reported: new RegExp(
        `${key.replace('-', '/')} .*gets no resources: .* overlaps 10\\.244\\.250\\.(0/24, the network of storage0|\\d, )`,
      ),
    })
    await cluster.withstands([
      taken('10.244.250.0-24'),
      taken('10.244.250.0-25'),
      taken('10.244.250.128-25'),
      taken('10.244.250.0-23'),
      ...['10.244.248.0-23', '10.244.249.0-24', '10.244.252.5-32'].map((key) => ({
        key,
        value: vxlanRecord(66),
        reported: new RegExp(
          `${key.replace('-', '/')} .*gets no resources: .* overlaps 10\\.244\\.\\S+, which this host routes over vpn0`,
        ),
      })),
    ])
    for (const agent of cluster.agents)
      await agent.logged(
        /^the network 10\.244\.0\.0\/16 overlaps 10\.244\.250\.0\/24, the network of storage0/,
      )
  })

  test('subnets that another node holds', async () => {
    const subnet = await cluster.subnetOf(2)
    const base = subnet.slice(0, subnet.indexOf('/'))
    const [, third = ''] = /^10\.244\.(\d+)\.0$/.exec(base) ?? []
    const even = Number(third) & ~1
    const conflict = (key: string): Hostile => ({
      key,
      value: vxlanRecord(66),
      reported: new RegExp(`${key.replace('-', '/')} .*gets no resources: .* overlap`),
    })
    await cluster.withstands([
      conflict(`${base}-32`),
      conflict(`${base}-25`),
      conflict(`10.244.${third}.128-25`),
      conflict(`10.244.${even}.0-23`),
    ])
  })

  test('the VtepMAC of another node, and this node’s own', async () => {
    const { 4: theirs, 6: theirsV6 } = await macsOf(cluster.rig, 2)
    const { 4: own } = await macsOf(cluster.rig, 0)
    const withMac = (VtepMAC: string) => vxlanRecord(66, { BackendData: { VNI: 1, VtepMAC } })
    await cluster.withstands([
      // Lower than any lease's key: a list has it first.
      {
        key: '10.244.0.0-24',
        value: withMac(theirs),
        reported: /10\.244\.0\.0\/24 .*(both need '|VtepMAC is "\S+", but is this node's own)/,
      },
      {
        key: '10.244.92.0-24',
        value: withMac(own),
        reported: /10\.244\.92\.0\/24 .*VtepMAC is "\S+", but is this node's own/,
        by: [0],
      },
      {
        key: '0.0.0.0-0&fd00:10:244:1::-64',
        value: vxlanRecord(66, {
          PublicIP: '0.0.0.0',
          PublicIPv6: 'fd77::66',
          BackendData: undefined,
          BackendV6Data: { VNI: 1, VtepMAC: theirsV6 },
        }),
        reported: /fd00:10:244:1::\/64 .*(both need '|VtepMAC is "\S+", but is this node's own)/,
      },
      {
        key: '10.244.93.0-24',
        value: withMac('01:00:5e:00:00:05'),
        reported: /10\.244\.93\.0\/24 .*01:00:5e:00:00:05/,
      },
    ])
  })

  test('public addresses at which no other host can be', async () => {
    const wrong = [
      ['127.0.0.1', 'a loopback address'],
      ['224.0.0.5', 'a multicast address'],
      ['255.255.255.255', 'the broadcast address'],
      ['192.168.77.255', 'the broadcast address of 192\\.168\\.77\\.0/24'],
      ['240.0.0.1', 'a reserved address'],
      ['0.0.0.5', 'an unspecified address'],
    ] as const
    const wrongV6 = [
      ['::1', 'a loopback address'],
      ['ff02::1', 'a multicast address'],
      ['::ffff:192.168.77.9', 'an IPv4-mapped address'],
    ] as const
    await cluster.withstands([
      ...wrong.map(([PublicIP, name], i) => ({
        key: `10.244.${100 + i}.0-24`,
        value: vxlanRecord(66, { PublicIP }),
        reported: new RegExp(`10\\.244\\.${100 + i}\\.0/24 .*gets no resources: its PublicIP, .* is ${name}`),
      })),
      ...wrongV6.map(([PublicIPv6, name], i) => ({
        key: `0.0.0.0-0&fd00:10:244:${i + 1}::-64`,
        value: vxlanRecord(66, {
          PublicIP: '0.0.0.0',
          PublicIPv6,
          BackendV6Data: { VNI: 1, VtepMAC: mac(66) },
        }),
        reported: new RegExp(`fd00:10:244:${i + 1}::/64 .*gets no resources: its PublicIPv6, .* is ${name}`),
      })),
    ])
  })

  test('the public address of a node that has a lease: it reports that, and holds no route to itself', async () => {
    await cluster.holds(
      [
        {
          key: '10.244.94.0-24',
          value: vxlanRecord(1, { BackendData: { VNI: 1, VtepMAC: mac(94) } }),
          reported: /10\.244\.94\.0-24 bears the public address of this node/,
          by: [0],
        },
      ],
      (i) => (i === 0 ? [] : ['10.244.94.0/24']),
    )
  })

  test('the IPv6 traffic of a node, in the name of its IPv4 address; and a pod as another node', async () => {
    const { ipv6Subnet = '' } = await cluster.agent(2).subnetEnv()
    await cluster.holds(
      [
        {
          key: `10.244.94.0-24&${ipv6Subnet.replace('::/64', ':8000::-65')}`,
          value: vxlanRecord(3, {
            BackendData: { VNI: 1, VtepMAC: mac(94) },
            PublicIPv6: 'fd77::66',
            BackendV6Data: { VNI: 1, VtepMAC: mac(66) },
          }),
          reported: /:8000::\/65 .*(overlap|own subnet|bears the public address)/,
          by: [0, 1],
        },
        {
          key: '10.244.93.0-24',
          value: vxlanRecord(66, { PublicIP: (await cluster.subnetOf(0)).replace('.0/24', '.9') }),
          reported: /10\.244\.93\.0\/24 .*(lies in this node's own subnet| contains )/,
        },
      ],
      (i) => (i === 2 ? [] : ['10.244.94.0/24']),
    )
  })

  test('half a dual-stack lease serves half', async () => {
    const data = { BackendV6Data: { VNI: 1, VtepMAC: mac(66) } }
    await cluster.holds(
      [
        {
          key: '10.244.95.0-24&fd00:10:244:95::-64',
          value: vxlanRecord(66, { ...data, PublicIPv6: 'fd77::zz' }),
          reported: /fd00:10:244:95::\/64 .*is unusable: PublicIPv6 is "fd77::zz", not an IPv6 address/,
        },
        {
          key: '10.244.96.0-24&fd00:10:244:96::-64',
          value: vxlanRecord(67, { ...data, PublicIP: '192.168.77.999', PublicIPv6: 'fd77::67' }),
          reported: /10\.244\.96\.0\/24 .*is unusable: PublicIP is "192\.168\.77\.999", not an IPv4 address/,
        },
        {
          key: '10.244.97.0-24&fd00:10:244:97::-64',
          value: vxlanRecord(68),
          reported: /fd00:10:244:97::\/64 .*has no PublicIPv6/,
        },
      ],
      () => ['10.244.95.0/24', '10.244.97.0/24', 'fd00:10:244:96::/64'],
    )
  })

  test('values nested 20,000 levels deep, too long, or with too many keys, written twice', async () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    const values = [
      deep,
      `{"PublicIP":"192.168.77.66","BackendType":"vxlan","BackendData":${deep}}`,
      vxlanRecord(66, { BackendData: { VNI: 1, VtepMAC: mac(66), more: 'x'.repeat(70_000) } }),
      vxlanRecord(66, {
        BackendData: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i])),
      }),
    ]
    await cluster.withstands(
      [...values.entries(), ...values.entries()].map(([i, value]) => ({
        key: `10.244.${95 + i}.0-24`,
        value,
        reported: new RegExp(`10\\.244\\.${95 + i}\\.0-24: .*correct or delete it`),
      })),
    )
  })

  test('a value as Go reads it: keys in any case, the last of several counts, null leaves what was there', async () => {
    const value =
      `{"publicIP":"192.168.77.9","PUBLICIP":"192.168.77.66","backendtype":"vxlan","BackendType":null,` +
      `"BackendDATA":{"vni":1,"vtepMac":"${mac(66)}"}}`
    await cluster.holds(
      [{ key: '10.244.95.0-24', value }],
      () => ['10.244.95.0/24'],
      async () => {
        const fdb = await cluster.rig.lab.host(0).bridge('fdb', 'show', 'dev', 'flannel.1')
        expect(fdb).toContain(`${mac(66)} dst 192.168.77.66 self permanent`)
      },
    )
  })

  test('a node of another backend is reported, once', async () => {
    const value = vxlanRecord(66, { BackendType: 'host-gw', BackendData: undefined })
    const reported = /^the lease of 10\.244\.95\.0\/24 .*its backend is "host-gw", and this node's is "vxlan"/
    const starts = cluster.agents.map(({ logs }) => logs.length)
    const record = { key: '10.244.95.0-24', value, reported }
    await cluster.withstands([record, record])
    const reports = cluster.agents.map(({ logs }, i) =>
      logs.slice(starts[i]).filter(({ msg }) => reported.test(msg)),
    )
    for (const lines of reports) expect(lines).toHaveLength(1)
  })

  test('keys and values that would forge lines, move a terminal or fill a disk', async () => {
    const forged = '{"level":30,"msg":"forged"}'
    const starts = cluster.agents.map(({ output }) => output.length)
    await cluster.withstands([
      { key: `bad\n${forged}\n`, value: 'x', reported: /bad\\u000a/ },
      { key: 'bad-\u001b[2J\u009b2J\u202e', value: 'x', reported: /bad-\\u001b/ },
      {
        key: '10.244.95.0-24',
        value: vxlanRecord(66, { PublicIP: '\u001b[2J\u202e' }),
        reported: /PublicIP is /,
      },
      { key: '10.244.96.0-24', value: 'x'.repeat(100_000), reported: /10\.244\.96\.0-24: / },
    ])
    for (const [i, agent] of cluster.agents.entries()) {
      const lines = agent.output.slice(starts[i]).split('\n')
      expect(lines).not.toContain(forged)
      for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
      expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(5_000)
    }
  })

  test('all of these, to an agent that is killed and finds them at its start, in etcd and in its cache', async () => {
    const { 4: theirs } = await macsOf(cluster.rig, 2)
    const subnet = await cluster.subnetOf(2)
    const records = new Map([
      ['10.244.254.1-32', vxlanRecord(66)],
      ['192.168.77.128-25', vxlanRecord(66)],
      [subnet.replace('/24', '-32'), vxlanRecord(66)],
      // Lower than any lease's key: a list has it first.
      ['10.244.0.0-24', vxlanRecord(66, { BackendData: { VNI: 1, VtepMAC: theirs } })],
    ])
    await cluster.withTraffic(async () => {
      const before = await cluster.kernels()
      for (const [key, value] of records) await cluster.rig.etcd.put(key, value)
      await cluster.isCaughtUp()
      const restart = async () => {
        await cluster.agent(0).kill()
        cluster.agents[0] = cluster.rig.start(0)
      }
      await restart()
      await cluster.agent(0).inSync()
      expect(await cluster.kernels()).toEqual(before)

      const { leaseCache } = filesOf(cluster.rig.lab, cluster.rig.lab.host(0))
      await until('the cache to have them, and the node that came and went no more', async () => {
        const text = await readFile(leaseCache, 'utf8').catch(() => '')
        const hasAll = [...records.keys()].every((key) => text.includes(key))
        return (hasAll && !text.includes('192.168.77.90')) || undefined
      })
      await cluster.rig.etcd.kill()
      await restart()
      const line = await cluster.agent(0).logged(/^etcd is unavailable: starting from the lease cache/)
      expect(line).toMatchObject({ leases: 3 + records.size })
      await cluster.agent(0).logged(/10\.244\.254\.1\/32 .*gets no resources/)
      await cluster.agent(0).ready()
      expect(await cluster.kernels()).toEqual(before)
      await cluster.rig.etcd.start()
      await cluster.agent(0).logged(/^etcd answers: the lease cache is no longer used/)
      await cluster.isCaughtUp()
      expect(await cluster.kernels()).toEqual(before)
      for (const key of records.keys()) await cluster.rig.etcd.delete(key)
      await cluster.isCaughtUp()
      expect(await cluster.kernels()).toEqual(before)
    })
  })

  test('routes that an earlier run left, to etcd itself and to the gateway: gone at the start', async () => {
    const before = await cluster.kernels()
    const agent = cluster.agent(0)
    await agent.kill()
    await agent.host.ipBatch([
      `route add ${ETCD_ADDRESS}/32 via ${ETCD_ADDRESS} dev flannel.1 onlink proto 157`,
      'route add 192.168.77.254/32 via 192.168.77.254 dev flannel.1 onlink proto 157',
    ])
    cluster.agents[0] = cluster.rig.start(0)
    await cluster.agent(0).inSync()
    expect(await cluster.kernels()).toEqual(before)
  })
})

test('host-gw: subnets that hold etcd, the LAN or half of it, or are another node’s, and gateways that are none', async () => {
  const hostGwRecord = (n: number, fields: object = {}) =>
    JSON.stringify({ PublicIP: `192.168.77.${n}`, PublicIPv6: null, BackendType: 'host-gw', ...fields })
  await using cluster = await Cluster.create({ ...NETWORK, Backend: { Type: 'host-gw' } }, hostGwRecord(90))
  const refused = (key: string, fields: object = {}): Hostile => ({
    key,
    value: hostGwRecord(66, fields),
    reported: new RegExp(`${key.replace('-', '/')} .*(gets no resources|cannot be routed)`),
  })
  const subnet = await cluster.subnetOf(2)
  await cluster.withstands([
    refused('10.244.254.1-32'),
    refused('192.168.77.254-32'),
    refused('192.168.77.128-25'),
    refused('192.168.77.0-24'),
    refused(subnet.replace('/24', '-25')),
    refused(subnet.replace('/24', '-32')),
    refused('10.244.101.0-24', { PublicIP: '10.9.9.9' }),
    refused('10.244.102.0-24', { PublicIP: '192.168.77.255' }),
    refused('10.244.103.0-24', { PublicIP: '127.0.0.1' }),
  ])
})

test('a key that names more than the network, and hundreds of records of one node, keep no node from joining', async () => {
  await using rig = await Rig.create({ Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } })
  const records = new Map([['10.244.5.7-8', 'x']])
  for (let i = 0; i < 250; i += 1) records.set(`10.${i < 200 ? 245 : 244}.${i}.0-24`, vxlanRecord(1))
  await rig.etcd.putAll(records)
  const { agents } = await rig.joinAll()
  for (const agent of agents) expect((await agent.subnetEnv()).subnet).toMatch(/^10\.244\./)
})
