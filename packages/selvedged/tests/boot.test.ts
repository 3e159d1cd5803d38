/**
 * A host that boots with nothing: of its links only `lo` is up, and no store answers. Its agent starts as the node that it
 * was, pods of the host reach one another, and an uplink that comes later, in another network, is taken up by the same
 * process, with the same subnet.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Container, type NetworkList, pingUntilReached, Runtime, until } from '@selvedge/lab'
import { describe, expect, test } from 'vitest'
import { selvedgeIn } from './cli/selvedge.js'
import { printTime } from './print-time.js'
import { addOtherNetwork, configureInOtherNetwork, plugIn, rebootWithoutUplink } from './reboot.js'
import { Rig, vxlanConfig } from './rig.js'
import { controlSocketOf, type Selvedged } from './selvedged.js'

const HEALTH = ['--healthz-port=10256', '--healthz-ip=127.0.0.1']

/** The conf list of flannel's manifest, whose delegate is the real bridge plugin. */
const listFor = ({ subnetFile }: Selvedged, folder: string): NetworkList => ({
  name: 'cbr0',
  cniVersion: '1.0.0',
  plugins: [
    {
      type: 'flannel',
      subnetFile,
      dataDir: join(folder, 'kept'),
      agentSocket: controlSocketOf(subnetFile),
      ipam: { dataDir: join(folder, 'addresses') },
      delegate: { hairpinMode: true, isDefaultGateway: true, bridge: 'cni0' },
    },
  ],
})

interface Attached {
  readonly container: Container
  readonly address: string
}

async function attach(runtime: Runtime, list: NetworkList): Promise<Attached> {
  const container = await runtime.container()
  const { ips = [] } = await runtime.add(list, container)
  return { container, address: ips[0]?.address.split('/')[0] ?? '' }
}

const published = async (rig: Rig, subnet = '') =>
  (await rig.etcd.leases()).get(subnet.replace('/', '-')) ?? ''

describe('with only lo up and no store, an agent', () => {
  test('starts as what it was: its pods reach one another, and all peers once an uplink comes in another network', async () => {
    await using rig = await Rig.create(vxlanConfig, { hosts: 3 })
    const { agents, pods } = await rig.joinAll()
    const [, second, third] = pods
    const [first] = agents
    if (first === undefined || second === undefined || third === undefined) throw new Error('three hosts')
    const { subnet, mtu } = await first.ready()
    await addOtherNetwork(rig)
    const uplink = await rebootWithoutUplink(rig, first)
    await rig.etcd.kill()

    const agent = rig.start(0, { args: HEALTH })
    const { pid } = agent
    const ready = await agent.ready()
    printTime('only lo and no store: process start to subnet.env', ready.after)
    expect(ready).toMatchObject({ subnet, mtu })
    const waits = await agent.logged(/^waiting for an uplink: there is no default route/)
    expect(waits).toMatchObject({ interface: 'eth0', ipv4: '192.168.77.1' })
    expect(await agent.get(10256, '/healthz')).toBe('200 flanneld is running')
    await until('/readyz to say what is waited for', async () =>
      /^503 .*waiting for an uplink: /.test(await agent.get(10256, '/readyz')) ? true : undefined,
    )
    const selvedge = selvedgeIn(agent.host, [`--control-socket=${controlSocketOf(agent.subnetFile)}`])
    expect((await selvedge('status')).stdout).toMatch(/not ready: waiting for an uplink: there is no default/)
    expect((await selvedge('doctor')).stdout).toContain('the agent is not ready: waiting for an uplink')
    const runtime = await Runtime.create(agent.host, rig.lab.directory)
    const list = listFor(agent, join(rig.lab.directory, 'cni'))
    const [one, other] = [await attach(runtime, list), await attach(runtime, list)]
    await pingUntilReached(one.container.netns, other.address)

    // A wire without DHCP, then with the address that a host gives itself.
    await plugIn(rig, uplink)
    await agent.host.ip('address', 'add', '169.254.7.7/16', 'dev', 'eth0', 'scope', 'link')
    await agent.host.ip('route', 'add', 'default', 'dev', 'eth0', 'metric', '1002')
    await agent.logged(/^waiting for an uplink: eth0 has only the link-local address 169\.254\.7\.7/)
    await agent.host.ip('route', 'delete', 'default')
    await agent.host.ip('address', 'flush', 'dev', 'eth0')

    const up = performance.now()
    await configureInOtherNetwork(agent.host)
    await agent.logged(/^the uplink is there/)
    printTime('the uplink has an address until the agent has taken it up', performance.now() - up)
    await rig.etcd.start()
    const answers = performance.now()
    const reach = [second, third].map(({ addresses }) =>
      pingUntilReached(one.container.netns, addresses[0] ?? ''),
    )
    await Promise.all(reach)
    printTime('etcd answers until all peers are reached', performance.now() - answers)
    await agent.inSync()
    expect(await readFile(agent.subnetFile, 'utf8')).toContain(
      `FLANNEL_SUBNET=${subnet?.replace('.0/', '.1/')}`,
    )
    expect(agent.pid).toBe(pid)
    expect(agent.hasEnded).toBe(false)
    expect(await published(rig, subnet)).toContain('"PublicIP":"192.168.88.1"')
    expect([...(await rig.etcd.leases()).keys()]).toHaveLength(3)
    expect(await agent.get(10256, '/readyz')).toBe('200 flanneld is ready')
    expect(agent.logs.length).toBeLessThan(60)

    // The cable is pulled out and plugged in again, here and in the network that it came from.
    const replugged = performance.now()
    for (const address of ['192.168.88.1/24', '192.168.77.1/24']) {
      await agent.host.ip('link', 'delete', 'eth0')
      await plugIn(rig, uplink)
      const gateway = address.replace(/\.1\/24$/, '.254')
      await agent.host.ipBatch([
        `address add ${address} dev eth0`,
        `route add default via ${gateway} dev eth0`,
      ])
      await until(`the node to be reached at ${address}`, async () =>
        (await published(rig, subnet)).includes(`"PublicIP":"${address.split('/')[0]}"`) ? true : undefined,
      )
      for (const { addresses } of [second, third]) {
        await pingUntilReached(one.container.netns, addresses[0] ?? '')
      }
    }
    printTime('unplugged twice, back in the first network', performance.now() - replugged)
    expect((await agent.subnetEnv()).subnet).toBe(subnet)
    expect(agent.hasEnded).toBe(false)
  })
})

/** Each way in which packets travel, with an uplink of another kind, or in the network of before under another address. */
test.each<[backend: string, device: string, elsewhere: boolean]>([
  ['vxlan', 'wwan0', true],
  ['udp', 'eth0', true],
  ['host-gw', 'eth0', false],
  ['wireguard', 'eth0', true],
])('%s: the uplink comes as %s', async (Type, device, elsewhere) => {
  await using rig = await Rig.create({ ...vxlanConfig, Backend: { Type } })
  const start = (index: number): Selvedged => {
    const host = rig.lab.host(index)
    return rig.start(index, {
      args: ['--probe-peers'],
      // A host's own: the hosts share a file system.
      variables: { WIREGUARD_KEY_FILE: join(rig.lab.directory, host.name, 'wgkey') },
      before: 'mkdir -p /run/wireguard; mount -t tmpfs none /run/wireguard',
    })
  }
  const far = await start(1).addPod()
  const first = start(0)
  const { subnet = '', mtu = 0 } = await first.ready()
  await addOtherNetwork(rig)
  const uplink = await rebootWithoutUplink(rig, first)
  await rig.etcd.kill()
  const agent = start(0)
  await agent.logged(/^waiting for an uplink/)
  expect(await agent.ready()).toMatchObject({ subnet, mtu })
  // The card that it had is still there, and nobody plugs in a cable.
  if (device !== 'eth0') await plugIn(rig, uplink)
  await plugIn(rig, uplink, { device, ...(device !== 'eth0' && { mac: '02:00:00:00:00:77' }) })
  if (elsewhere) await configureInOtherNetwork(agent.host, device)
  else {
    await agent.host.ipBatch([
      'address add 192.168.77.101/24 dev eth0',
      'route add default via 192.168.77.254 dev eth0',
    ])
  }
  await agent.logged(/^the uplink is there/)
  await rig.etcd.start()
  const answers = performance.now()
  const near = await agent.host.addPod({ subnets: [subnet], mtu })
  await pingUntilReached(near, far.addresses[0] ?? '')
  printTime(`${Type}: etcd answers until its peer is reached`, performance.now() - answers)
  const address = elsewhere ? '192.168.88.1' : '192.168.77.101'
  expect(await published(rig, subnet)).toContain(`"PublicIP":"${address}"`)
  expect((await agent.subnetEnv()).subnet).toBe(subnet)
  expect(agent.logs.filter(({ level, msg }) => level >= 50 && !/etcd/.test(msg))).toEqual([])
})
