import { type Host, until } from '@selvedge/lab'
import { afterAll, describe, expect, test } from 'vitest'
import { vxlanConfig } from '../rig.js'
import { type KubeRig, SharedControlPlane } from './kube-rig.js'

const shared = new SharedControlPlane()
afterAll(() => shared[Symbol.asyncDispose]())

const ipv4Only = (index: number) => [`10.244.${index + 1}.0/24`]

describe('addresses that an operator sets', () => {
  test('public-ip-overwrite, while it runs: peers send there, and the node keeps its lease', async () => {
    await using rig = await shared.rig(vxlanConfig)
    const { agents } = await rig.joinAll(ipv4Only)
    const [first, second] = agents
    if (first === undefined || second === undefined) throw new Error()
    await rig.annotate(1, 'public-ip-overwrite=203.0.113.7')
    await rig.published(1, 'public-ip', (value) => value === '203.0.113.7')
    await until('the peer’s fdb', async () => {
      const fdb = await first.host.bridge('fdb', 'show', 'dev', 'flannel.1')
      return fdb.includes('dst 203.0.113.7') ? true : undefined
    })
    await rig.annotate(1, 'public-ip-overwrite-')
    await rig.published(1, 'public-ip', (value) => value === '192.168.77.2')
    expect(second.logs.filter(({ msg }) => msg.startsWith('lease lost'))).toEqual([])
  })

  test('node-public-ip: the address, and the interface that bears it', async () => {
    await using rig = await shared.rig(vxlanConfig, 1)
    const host = await withSecondInterface(rig)
    await rig.register(0, ['10.244.1.0/24'], { 'node-public-ip': '198.51.100.7' })
    const agent = rig.start(0)
    await agent.inSync()
    await rig.published(0, 'public-ip', (value) => value === '198.51.100.7')
    expect(await tunnelOf(host)).toMatch(/local 198\.51\.100\.7 dev second/)
  })

  test('node-public-ip, set and removed while it runs: address and interface follow; subnet and MAC stay', async () => {
    await using rig = await shared.rig(vxlanConfig, 1)
    const host = await withSecondInterface(rig)
    await rig.register(0, ['10.244.1.0/24'])
    const agent = rig.start(0)
    await agent.inSync()
    const data = await rig.published(0, 'backend-data', (value) => value !== undefined)
    let said = agent.logs.length
    await rig.annotate(0, 'node-public-ip=198.51.100.7')
    await agent.logged(/another address to this node: restarting/, { from: said })
    await agent.logged(/^in sync/, { from: said })
    await rig.published(0, 'public-ip', (value) => value === '198.51.100.7')
    expect(await tunnelOf(host)).toMatch(/local 198\.51\.100\.7 dev second/)
    said = agent.logs.length
    await rig.annotate(0, 'node-public-ip-')
    await agent.logged(/^in sync/, { from: said })
    await rig.published(0, 'public-ip', (value) => value === '192.168.77.1')
    expect(await tunnelOf(host)).toMatch(/local 192\.168\.77\.1 dev eth0/)
    expect((await agent.subnetEnv()).subnet).toBe('10.244.1.0/24')
    await rig.published(0, 'backend-data', (value) => value === data)
  })

  test('node-public-ip that no interface bears: waited for, and a corrected one is taken', async () => {
    await using rig = await shared.rig(vxlanConfig, 1)
    await rig.register(0, ['10.244.1.0/24'], { 'node-public-ip': '203.0.113.9' })
    const agent = rig.start(0)
    await agent.logged(/203\.0\.113\.9/)
    await rig.annotate(0, 'node-public-ip=192.168.77.1')
    await agent.inSync()
    await rig.published(0, 'public-ip', (value) => value === '192.168.77.1')
  })

  test('node-public-ip counts while the API server is unavailable, too', async () => {
    await using rig = await shared.rig(vxlanConfig, 1)
    const host = await withSecondInterface(rig)
    await rig.register(0, ['10.244.1.0/24'], { 'node-public-ip': '198.51.100.7' })
    const agent = rig.start(0)
    await agent.inSync()
    await agent.stop()
    await rig.cluster.stopApiServer()
    const again = rig.start(0)
    await again.logged(/^kubernetes is unavailable: starting from the lease cache/)
    expect((await again.ready()).subnet).toBe('10.244.1.0/24')
    await rig.cluster.startApiServer()
    await again.logged(/^kubernetes answers: the lease cache is no longer used/, { timeout: 60_000 })
    await again.inSync()
    expect(await tunnelOf(host)).toMatch(/local 198\.51\.100\.7 dev second/)
    expect(again.logs.filter(({ msg }) => msg.includes('restarting'))).toEqual([])
  })
})

test('two nodes that publish one address: every node names both; no route to itself, other peers are served', async () => {
  await using rig = await shared.rig(vxlanConfig, 3)
  for (const index of [0, 1, 2]) await rig.register(index, ipv4Only(index))
  // As in machines that VirtualBox has made: the first interface of each has this address.
  const args = ['--iface=eth0', '--public-ip=10.0.2.15']
  const agents = [rig.start(0, { args }), rig.start(1, { args }), rig.start(2)]
  for (const agent of agents) {
    const { code } = await agent.logged(/^nodes h1 and h2 publish one address, 10\.0\.2\.15:/)
    expect(code).toBe('LEASE_CONFLICT')
  }
  const routesOf = async (index: number) => {
    const routes = await rig.lab.host(index).ip('route', 'show', 'dev', 'flannel.1')
    return [...routes.matchAll(/^10\.244\.(\d+)\.0\/24/gm)].map(([, n]) => n)
  }
  for (const [index, expected] of [['3'], ['3'], ['1', '2']].entries()) {
    await until(`the peers of host ${index}`, async () =>
      (await routesOf(index)).join() === expected.join() ? true : undefined,
    )
  }
  for (const agent of agents) expect((await agent.stop()).status).toBe(0)
  for (const agent of agents.slice(0, 2)) {
    expect(agent.logs).toContainEqual(
      expect.objectContaining({
        msg: expect.stringMatching(/bears the public address of this node, 10\.0\.2\.15/),
      }),
    )
  }
  for (const { logs } of agents) {
    expect(logs.filter(({ msg }) => msg.startsWith('nodes h1'))).toHaveLength(1)
    expect(logs.filter(({ msg }) => /unavailable|start failed/.test(msg))).toEqual([])
  }
})

/** The first host, with another interface than the one of its default route. */
async function withSecondInterface(rig: KubeRig): Promise<Host> {
  const host = rig.lab.host(0)
  await host.ipBatch([
    'link add second type bridge',
    'address add 198.51.100.7/24 dev second',
    'link set second up',
  ])
  return host
}

const tunnelOf = (host: Host): Promise<string> => host.ip('-details', 'link', 'show', 'flannel.1')
