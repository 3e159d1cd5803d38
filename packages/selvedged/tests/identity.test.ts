/**
 * A node keeps its public address, its subnet, its MACs and its MTU whatever addresses and routes its host gets besides.
 * All of it on real interfaces, while pods ping one another.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Host, PingStream, type Pod, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig, vxlanConfig } from './rig.js'
import { filesOf, type Selvedged } from './selvedged.js'
import { untilAllReach } from './until-all-reach.js'

const dualStackConfig = { ...vxlanConfig, EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' }

/** Milliseconds between two pings of a stream. */
const PING_INTERVAL_MS = 20

/** Whatever makes a node the one that it is: to etcd, to its pods, to its peers' kernels. */
async function identitiesOf(rig: Rig, agents: readonly Selvedged[]) {
  const devices = agents.map(({ host }) => host.ip('-details', '-oneline', 'link', 'show', 'type', 'vxlan'))
  return {
    leases: await rig.etcd.leases(),
    files: await Promise.all(agents.map(({ subnetFile }) => readFile(subnetFile, 'utf8'))),
    devices: await Promise.all(devices),
  }
}

/** Pods of each node that ping those of the other, in every family. */
async function pingEachOther([first, second]: readonly Pod[]): Promise<readonly PingStream[]> {
  if (first === undefined || second === undefined) throw new Error('two pods are needed')
  const start = (from: Pod, to: Pod) =>
    to.addresses.map((address) => PingStream.start(from, address, PING_INTERVAL_MS))
  return Promise.all([...start(first, second), ...start(second, first)])
}

async function expectNoneLost(streams: readonly PingStream[]): Promise<void> {
  for (const { sent, lost } of await Promise.all(streams.map((stream) => stream.stop()))) {
    expect(sent).toBeGreaterThan(10)
    expect(lost).toBe(0)
  }
}

/**
 * Resolves once an agent has looked at its host again: it puts back an address of ours, which it does after it has read
 * interfaces and routes.
 */
async function hasLooked(agent: Selvedged): Promise<void> {
  const { subnet = '' } = await agent.subnetEnv()
  const base = subnet.replace('/24', '/32')
  const text = () => agent.host.ip('-oneline', 'address', 'show', 'dev', 'flannel.1')
  await agent.host.ip('address', 'add', '10.244.222.1/32', 'dev', 'flannel.1')
  await until('the foreign address inside the network to be removed', async () =>
    (await text()).includes('10.244.222.1/32') ? undefined : true,
  )
  expect(await text()).toContain(`inet ${base}`)
}

test('virtual addresses that fail over, any further address, a VPN’s default route and one that flaps', async () => {
  await using rig = await Rig.create(dualStackConfig, { ipv6: true })
  const { agents, pods } = await rig.joinAll()
  const [first, second] = rig.lab.hosts
  if (first === undefined || second === undefined) throw new Error()
  const before = await identitiesOf(rig, agents)
  const starts = agents.map(({ logs }) => logs.length)
  const expectUnchanged = async () => {
    await Promise.all(agents.map(hasLooked))
    expect(await identitiesOf(rig, agents)).toEqual(before)
  }
  const streams = await pingEachOther(pods)

  const virtualAddresses = ['192.168.77.200/32', 'fd77::200/128']
  const move = async (from: Host | undefined, to: Host) => {
    await from?.ipBatch(virtualAddresses.map((address) => `address delete ${address} dev eth0`))
    await to.ipBatch(virtualAddresses.map((address) => `address add ${address} dev eth0`))
  }
  await move(undefined, first)
  await expectUnchanged()
  await move(first, second)
  await expectUnchanged()
  await agents[1]?.kill()
  agents[1] = rig.start(1)
  starts[1] = 0
  await agents[1].inSync()
  await expectUnchanged()
  await move(second, first)

  // The kernel lists the newest first; one is of a lower value, too.
  await first.ipBatch(['address add fd77::abcd/64 dev eth0', 'address add fd70::1/64 dev eth0'])
  await first.ip('address', 'add', '192.168.77.100/24', 'dev', 'eth0')
  await expectUnchanged()

  for (let i = 0; i < 5; i += 1) {
    await first.ip('route', 'delete', 'default')
    await first.ip('route', 'add', 'default', 'via', '192.168.77.254', 'dev', 'eth0', 'metric', '100')
  }
  await first.ipBatch([
    'link add vpn0 mtu 1300 type veth peer name vpn1',
    'address add 10.8.0.2/24 dev vpn0',
    'address add fd08::2/64 dev vpn0 nodad',
    'link set vpn0 up',
    'link set vpn1 up',
    'route add default via 10.8.0.1 dev vpn0 metric 50',
    'route add default via fd08::1 dev vpn0 metric 50',
  ])
  await expectUnchanged()
  // A node whose interface is gone moves after three seconds: that much later it is still where it was.
  await sleep(3_500)
  await expectUnchanged()
  // It is the same node after a restart, too.
  await agents[0]?.kill()
  agents[0] = rig.start(0)
  starts[0] = 0
  await agents[0].inSync()
  await expectUnchanged()
  await expectNoneLost(streams)
  for (const [i, { logs }] of agents.entries()) {
    const messages = logs
      .slice(starts[i])
      .filter(({ level, msg }) => level >= 40 || /^lease (?!acq)/.test(msg))
    expect(messages.map(({ msg }) => msg).filter((msg) => !/^another program changed/.test(msg))).toEqual([])
  }
})

test('a node that gets another address, running or stopped, keeps its subnet and its record, reservation or not', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 4 })
  const reserved = '10.244.7.0-24'
  await rig.etcd.put(
    reserved,
    '{"PublicIP":"192.168.77.1","PublicIPv6":null,"BackendType":"vxlan",' +
      '"BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}',
  )
  const { agents, pods } = await rig.joinAll()
  const streams = await pingEachOther(pods.slice(2))
  const move = async (i: number, [from, to]: readonly [number, number], whileStopped: boolean) => {
    const before = agents[i]
    if (before === undefined) throw new RangeError(`no agent ${i}`)
    const key = (await before.ready()).subnet?.replace('/', '-') ?? ''
    expect(await rig.etcd.hasTerm(key)).toBe(key !== reserved)
    const env = await readFile(before.subnetFile, 'utf8')
    if (whileStopped) await before.kill()
    const { length } = before.logs
    await before.host.ipBatch([
      `address delete 192.168.77.${from + i}/24 dev eth0`,
      `address add 192.168.77.${to + i}/24 dev eth0`,
      'route add default via 192.168.77.254 dev eth0',
    ])
    const agent = whileStopped ? rig.start(i) : before
    agents[i] = agent
    await agent.logged(/^lease (changed|acquired)/, { from: whileStopped ? 0 : length })
    expect((await rig.etcd.leases()).get(key)).toContain(`"PublicIP":"192.168.77.${to + i}"`)
    expect(await rig.etcd.hasTerm(key)).toBe(key !== reserved)
    if (whileStopped) await agent.inSync()
    expect(await readFile(agent.subnetFile, 'utf8')).toBe(env)
    expect(agent.logs.filter(({ msg }) => /^lease lost/.test(msg))).toEqual([])
  }
  await Promise.all([move(0, [1, 51], false), move(1, [1, 51], false)])
  // Once each has kept what it is now.
  await until('both to have kept their leases', async () =>
    (
      await Promise.all([0, 1].map((i) => readFile(filesOf(rig.lab, rig.lab.host(i)).leaseCache, 'utf8')))
    ).every((text, i) => text.includes(`"ipv4":"192.168.77.${51 + i}"`))
      ? true
      : undefined,
  )
  await Promise.all([move(0, [51, 101], true), move(1, [51, 101], true)])
  const leases = await rig.etcd.leases()
  expect(leases.size).toBe(4)
  // A MAC of flannel's making is kept; one of ours is made of the address, which another node may get.
  expect(leases.get(reserved)).toContain('c6:d2:32:6f:8f:44')
  await untilAllReach(pods, pods)
  await expectNoneLost(streams)
})

test('addresses on its device: an operator’s outside the network stay, those inside it go', async () => {
  await using rig = await Rig.create(vxlanConfig, { hosts: 1 })
  const addresses = async (agent: Selvedged) => {
    const text = await agent.host.ip('-4', '-oneline', 'address', 'show', 'dev', 'flannel.1')
    return [...text.matchAll(/inet (\S+)/g)].map(([, address]) => address).sort()
  }
  const agent = rig.start(0)
  await agent.inSync()
  const { subnet = '' } = await agent.ready()
  const base = subnet.replace('/24', '/32')
  await agent.host.ipBatch([
    'address add 172.20.0.5/32 dev flannel.1',
    'address add 203.0.113.7/24 dev flannel.1',
    'address add 10.244.200.7/16 dev flannel.1',
  ])
  await hasLooked(agent)
  const expected = [base, '172.20.0.5/32', '203.0.113.7/24'].sort()
  expect(await addresses(agent)).toEqual(expected)
  await agent.kill()
  const again = rig.start(0)
  await again.inSync()
  await hasLooked(again)
  expect(await addresses(again)).toEqual(expected)
})

test('host-gw with more peers than go inline elsewhere: its routes are as flanneld deletes and moves them', async () => {
  const count = 300
  await using rig = await Rig.create({ Network: '10.128.0.0/9', Backend: { Type: 'host-gw' } }, { hosts: 1 })
  const subnets = Array.from({ length: count }, (_, i) => `10.200.${i >> 1}.${(i & 1) << 7}`)
  const peer = (i: number) => `192.168.77.${100 + (i % 100)}`
  await rig.etcd.putAll(
    new Map(
      subnets.map((subnet, i) => [
        `${subnet}-25`,
        `{"PublicIP":"${peer(i)}","PublicIPv6":null,"BackendType":"host-gw"}`,
      ]),
    ),
  )
  const agent = rig.start(0)
  await agent.inSync()
  const routes = async () => (await agent.host.ip('route', 'show', 'proto', '157')).trim().split('\n')
  await until('all routes', async () => (await routes()).length === count || undefined)
  expect(await agent.host.ip('nexthop')).toBe('')
  await agent.stop()
  // As flanneld does, by destination, gateway and interface.
  await agent.host.ipBatch(
    subnets.map((subnet, i) =>
      i % 2 === 0
        ? `route delete ${subnet}/25 via ${peer(i)} dev eth0`
        : `route replace ${subnet}/25 via 192.168.77.99 dev eth0`,
    ),
  )
  expect(await agent.host.ip('route', 'show', 'root', '10.200.0.0/16')).not.toContain('nhid')
  expect((await agent.host.ip('route', 'show', 'via', '192.168.77.99')).trim().split('\n')).toHaveLength(
    count / 2,
  )
})

test.each(['etcd', 'local'])(
  'two hosts that publish one address, on %s: both report it, and the one that came later takes another subnet',
  async (type) => {
    await using rig = await Rig.create(vxlanConfig)
    const config = join(rig.lab.directory, 'net-conf.json')
    await writeFile(config, JSON.stringify(vxlanConfig))
    const local = [`--local-store=${join(rig.lab.directory, 'store.mdb')}`, `--net-config-path=${config}`]
    const options = {
      args: ['--iface=eth0', '--public-ip=198.51.100.7'],
      ...(type === 'local' && { store: local }),
    }
    const first = rig.start(0, options)
    await first.inSync()
    const { subnet } = await first.ready()
    const second = rig.start(1, options)
    await second.ready()
    await second.logged(/ was written by another process: another node holds it, so this one gives way/)
    await first.logged(/ was written by another process: it is written back.*--public-ip/)
    await until('another subnet', async () =>
      (await second.subnetEnv()).subnet === subnet ? undefined : true,
    )
    expect((await first.subnetEnv()).subnet).toBe(subnet)
    if (type === 'etcd') expect(await rig.etcd.leases()).toHaveProperty('size', 2)
  },
)
