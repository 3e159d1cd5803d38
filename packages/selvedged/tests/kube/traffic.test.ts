import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PingStream, pingMatrix, pingUntilReached, until } from '@selvedge/lab'
import { afterAll, describe, expect, test } from 'vitest'
import { printTime } from '../print-time.js'
import { vxlanConfig } from '../rig.js'
import { KubeRig, SharedControlPlane } from './kube-rig.js'

const shared = new SharedControlPlane()
afterAll(() => shared[Symbol.asyncDispose]())

const INFO = 30
/** Nothing of the kind may be in any test's log: an error is a fault that was not meant. */
const ERROR = 50

const ipv4Only = (index: number) => [`10.244.${index + 1}.0/24`]
const both = (index: number) => [...ipv4Only(index), `fd00:10:244:${index + 1}::/64`]

describe('two agents on one Kubernetes', () => {
  test.each([
    ['vxlan', vxlanConfig, {}, ipv4Only],
    ['host-gw', { Network: '10.244.0.0/16', Backend: { Type: 'host-gw' } }, {}, ipv4Only],
    [
      'dual-stack vxlan',
      { ...vxlanConfig, EnableIPv6: true, IPv6Network: 'fd00:10:244::/48' },
      { ipv6: true },
      both,
    ],
  ])(
    '%s: pods reach each other, and the nodes say that they have a network',
    async (_, config, options, podCidrs) => {
      await using rig = 'ipv6' in options ? await KubeRig.create(config, options) : await shared.rig(config)
      const { agents, pods } = await rig.joinAll(podCidrs)
      const matrix = await pingMatrix([...pods, ...rig.lab.hosts], pods)
      expect(matrix.filter(({ lost }) => lost > 0)).toEqual([])
      expect(matrix.length).toBeGreaterThan(0)
      for (const index of agents.keys()) {
        expect((await agents[index]?.subnetEnv())?.subnet).toBe(podCidrs(index)[0])
        await until('the condition', async () => {
          const { conditions = [] } = (await rig.node(index)).status
          return conditions.find(({ type, status }) => type === 'NetworkUnavailable' && status === 'False')
        })
      }
      const errors = agents.flatMap(({ logs }) => logs.filter(({ level }) => level >= ERROR))
      expect(errors).toEqual([])
    },
  )
})

test('the API server unavailable for long, and at a start: traffic never stops; changes arrive when it is back', async () => {
  await using rig = await shared.rig(vxlanConfig, 3)
  const health = { args: ['--healthz-port=10256', '--healthz-ip=127.0.0.1'] }
  const { agents, pods } = await rig.joinAll(ipv4Only, health)
  const [first, second, third] = agents
  const [from, to] = pods
  if (from === undefined || to === undefined || !first || !second || !third) throw new Error()
  await until('the third to be known', () => (second.output.includes('10.244.3.0/24') ? true : undefined))
  const stream = await PingStream.start(from, to.addresses[0] ?? '')
  await rig.cluster.stopApiServer()
  await second.logged('kubernetes is unavailable; traffic flows on by what is known')
  await first.logged('kubernetes is unavailable; traffic flows on by what is known')
  const running = await first.get(10256, '/metrics')
  expect(running).toMatch(/^selvedge_store_up 0$/m)
  expect(running).toMatch(/^selvedge_leases_from_cache 0$/m)
  expect(running).toMatch(/^selvedge_leases_stale_seconds [\d.]*[1-9]/m)
  expect(running).toMatch(/^selvedge_leases 3$/m)

  await second.stop()
  const again = rig.start(1, health)
  await again.logged(/^kubernetes is unavailable: starting from the lease cache/)
  const { after, subnet } = await again.ready()
  printTime('start while the API server is unavailable, to subnet.env', after)
  expect(subnet).toBe('10.244.2.0/24')
  const metrics = await again.get(10256, '/metrics')
  expect(metrics).toMatch(/^selvedge_store_up 0$/m)
  expect(metrics).toMatch(/^selvedge_leases_from_cache 1$/m)
  expect(metrics).toMatch(/^selvedge_leases_stale_seconds [\d.]*[1-9]/m)
  expect(await stream.stop()).toMatchObject({ lost: 0 })

  // What a reboot removed is created again.
  await again.stop()
  await again.host.ip('link', 'delete', 'flannel.1')
  await rm(again.subnetFile)
  const rebooted = rig.start(1)
  await rebooted.ready()
  await pingUntilReached(from, to.addresses[0] ?? '')

  const later = await PingStream.start(from, to.addresses[0] ?? '')
  await rig.cluster.startApiServer()
  await rig.cluster.kubectl('delete', 'node', rig.lab.host(2).name)
  await rebooted.logged(/^kubernetes answers: the lease cache is no longer used/)
  await first.logged('kubernetes is back', { timeout: 60_000 })
  const back = await first.get(10256, '/metrics')
  expect(back).toMatch(/^selvedge_store_up 1$/m)
  expect(back).toMatch(/^selvedge_leases_stale_seconds 0$/m)
  await until('the peer that left to be gone from the kernel', async () => {
    const routes = await rebooted.host.ip('route', 'show', 'dev', 'flannel.1')
    return routes.includes('10.244.3.0') ? undefined : true
  })
  expect(await later.stop()).toMatchObject({ lost: 0 })
})

test('an API server that hangs at a start: the network is up after one timeout of 10 s, from the lease cache', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  await rig.register(0, ['10.244.1.0/24'])
  const agent = rig.start(0)
  await agent.inSync()
  await agent.stop()
  await rm(agent.subnetFile)
  rig.cluster.signalApiServer('SIGSTOP')
  const again = rig.start(0)
  await again.logged(/^kubernetes is unavailable: starting from the lease cache/, { timeout: 30_000 })
  const { after, subnet } = await again.ready()
  printTime('start while the API server hangs, to subnet.env', after)
  expect(subnet).toBe('10.244.1.0/24')
  expect(after).toBeLessThan(18_000)
  rig.cluster.signalApiServer('SIGCONT')
  await again.logged(/^kubernetes answers: the lease cache is no longer used/, { timeout: 60_000 })
})

test('kill -9 and a new start: the same MAC, no ping of a running stream lost, nothing rewritten', async () => {
  await using rig = await shared.rig(vxlanConfig)
  const { agents, pods } = await rig.joinAll(ipv4Only)
  const [from, to] = pods
  if (from === undefined || to === undefined) throw new Error()
  await until('the condition', async () => (await rig.node(1)).status.conditions?.[0])
  const before = await rig.node(1)
  const stream = await PingStream.start(from, to.addresses[0] ?? '')
  await agents[1]?.kill()
  const again = rig.start(1)
  await again.inSync()
  expect(await stream.stop()).toMatchObject({ lost: 0 })
  expect(await rig.node(1)).toEqual(before)
})

test('a node without a PodCIDR is waited for; probes and log say so, and it goes on when it comes', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  const agent = rig.start(0, { args: ['--healthz-port=10256', '--healthz-ip=127.0.0.1'] })
  const metrics = () => agent.get(10256, '/metrics')
  const waitsFor = (what: string) =>
    until(`a metric of waiting for ${what}`, async () =>
      (await metrics()).includes(`\nselvedge_waiting{for="${what}"} 1\n`) ? true : undefined,
    )
  await agent.logged(/^waiting for node h1 to register/)
  expect(await agent.get(10256, '/readyz')).toMatch(/^503 .*waiting for node h1 to register/)
  await waitsFor('node')
  await rig.register(0, [])
  await agent.logged(/^waiting for node h1 to get a PodCIDR/)
  expect(await agent.get(10256, '/readyz')).toMatch(/^503 .*waiting for node h1 to get a PodCIDR/)
  await waitsFor('pod-cidr')
  expect(await metrics()).toMatch(/^selvedge_ready 0$/m)
  await rig.cluster.stopApiServer()
  await agent.logged(/^waiting for node h1 to get a PodCIDR .*; but GET .* of Kubernetes at /)
  await rig.cluster.startApiServer()
  const patch = JSON.stringify({ spec: { podCIDR: '10.244.9.0/24', podCIDRs: ['10.244.9.0/24'] } })
  await rig.cluster.kubectl('patch', 'node', 'h1', '--patch', patch)
  expect((await agent.ready()).subnet).toBe('10.244.9.0/24')
  expect(await agent.get(10256, '/readyz')).toBe('200 flanneld is ready')
  expect(await metrics()).not.toMatch(/^selvedge_waiting\{.*\} 1$/m)

  await rig.cluster.kubectl('delete', 'node', 'h1')
  await waitsFor('node')
  await rig.register(0, ['10.244.9.0/24'])
  await until('an end of waiting', async () =>
    /^selvedge_waiting\{.*\} 1$/m.test(await metrics()) ? undefined : true,
  )
})

test('a PodCIDR outside the network: reported with both, read again, and the process lives', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  await rig.register(0, ['10.1.1.0/24'])
  const agent = rig.start(0)
  expect(await agent.logged(/10\.1\.1\.0\/24 .*10\.244\.0\.0\/16/)).toMatchObject({ code: 'INVALID_CONFIG' })
  await rig.cluster.kubectl('delete', 'node', 'h1')
  await rig.register(0, ['10.244.1.0/24'])
  expect((await agent.ready()).subnet).toBe('10.244.1.0/24')
})

test('a node that is deleted and registers again with another PodCIDR: subnet.env and peers follow', async () => {
  await using rig = await shared.rig(vxlanConfig)
  const { agents } = await rig.joinAll(ipv4Only)
  const [first, second] = agents
  if (first === undefined || second === undefined) throw new Error()
  await rig.cluster.kubectl('delete', 'node', 'h2')
  await second.logged(/^lease lost/)
  await rig.register(1, ['10.244.7.0/24'])
  await until('the new subnet', async () =>
    (await second.subnetEnv()).subnet === '10.244.7.0/24' ? true : undefined,
  )
  await until('the peer’s routes', async () => {
    const routes = await first.host.ip('route', 'show', 'dev', 'flannel.1')
    return routes.includes('10.244.7.0/24') && !routes.includes('10.244.2.0/24') ? true : undefined
  })
  await until('the condition', async () => (await rig.node(1)).status.conditions?.[0])
})

test('its own annotations, edited by hand, are put back', async () => {
  await using rig = await shared.rig(vxlanConfig)
  const { pods } = await rig.joinAll(ipv4Only)
  const [from, to] = pods
  if (from === undefined || to === undefined) throw new Error()
  const before = await rig.published(1, 'backend-data', (value) => value !== undefined)
  await rig.annotate(1, 'backend-data={"VNI":1,"VtepMAC":"02:00:00:00:00:99"}')
  await rig.published(1, 'backend-data', (value) => value === before)
  await rig.annotate(1, 'backend-data=nonsense')
  await rig.published(1, 'backend-data', (value) => value === before)
  await rig.annotate(1, 'kube-subnet-manager-')
  await rig.published(1, 'kube-subnet-manager', (value) => value === 'true')
  await pingUntilReached(from, to.addresses[0] ?? '')
})

/** Bits of CapEff in /proc/PID/status (include/uapi/linux/capability.h). */
const [NET_ADMIN, NET_RAW] = [1 << 12, 1 << 13]

test.each([
  ['iptables', {}, NET_ADMIN, ['iptables-save'], [':FLANNEL-FWD', ':FLANNEL-POSTRTG']],
  [
    'nftables',
    { components: ['nftables'] },
    NET_ADMIN,
    ['nft', 'list', 'ruleset'],
    ['chain forward', 'chain postrtg'],
  ],
  [
    'the legacy iptables',
    { components: ['legacy-iptables'], iptables: 'legacy' as const },
    NET_ADMIN | NET_RAW,
    ['iptables-legacy-save'],
    [':FLANNEL-FWD', ':FLANNEL-POSTRTG'],
  ],
])(
  'as the deployment runs it, with %s: its flags, its config, and no right or file that it does not grant',
  async (_, options, rights, [program = '', ...args], chains) => {
    await using rig = await shared.rig(vxlanConfig, 1)
    await rig.register(0, ['10.244.1.0/24'])
    const agent = await rig.startAsPod(0, options)
    await agent.inSync()
    expect(await agent.ready()).toMatchObject({
      network: '10.244.0.0/16',
      subnet: '10.244.1.0/24',
      mtu: 1450,
    })
    await until('the condition', async () => (await rig.node(0)).status.conditions?.[0])
    await until('the traffic rules', async () => {
      const rules = await agent.host.exec(program, args)
      return chains.every((chain) => rules.includes(chain)) ? true : undefined
    })
    const status = await readFile(`/proc/${agent.pid}/status`, 'utf8')
    expect(Number.parseInt(/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? '', 16)).toBe(rights)
    const mounts = await readFile(`/proc/${agent.pid}/mounts`, 'utf8')
    expect(mounts).toMatch(/^\S+ \/ \S+ ro,/m)
    const warnings = agent.logs.filter(({ level }) => level > INFO).map(({ msg }) => msg)
    expect(warnings).toEqual([
      expect.stringMatching(/^\/proc\/sys cannot be written, so accept_ra of our links/),
    ])
    await agent.stop()
  },
)

test('as the deployment runs it, with the component ipv6: both families, by addresses and rules', async () => {
  await using rig = await KubeRig.create(vxlanConfig, { hosts: 1, ipv6: true })
  await rig.register(0, both(0))
  const agent = await rig.startAsPod(0, { components: ['ipv6'] })
  await agent.inSync()
  expect(await agent.ready()).toMatchObject({ subnet: both(0)[0], ipv6Subnet: both(0)[1] })
  await until('the traffic rules', async () => {
    const rules = await agent.host.exec('ip6tables-save', [])
    return rules.includes('FLANNEL-POSTRTG') && rules.includes('fd00:10:244::/48') ? true : undefined
  })
  const errors = agent.logs.filter(({ level }) => level >= ERROR)
  expect(errors).toEqual([])
  await agent.stop()
})

test('as the deployment runs it, with the component udp: it has the TUN device, and no further right', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  await rig.register(0, ['10.244.1.0/24'])
  const agent = await rig.startAsPod(0, { components: ['udp'] })
  await agent.inSync()
  expect(await agent.ready()).toMatchObject({ subnet: '10.244.1.0/24', mtu: 1472 })
  const [device] = JSON.parse(await agent.host.ip('-json', 'link', 'show', 'flannel0'))
  // It has a carrier while the agent is attached to it.
  expect(device.flags).toContain('LOWER_UP')
  const status = await readFile(`/proc/${agent.pid}/status`, 'utf8')
  expect(Number.parseInt(/^CapEff:\s*(\w+)$/m.exec(status)?.[1] ?? '', 16)).toBe(NET_ADMIN)
  expect(agent.logs.filter(({ level }) => level >= ERROR)).toEqual([])
  await agent.stop()
})

test('the legacy iptables without its component: what is missing is reported, and the network is there', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  await rig.register(0, ['10.244.1.0/24'])
  const agent = await rig.startAsPod(0, { iptables: 'legacy' })
  const failure = await agent.logged(/^writing rules by iptables-restore/)
  expect(failure).toMatchObject({
    code: 'DRIVER_REFUSED',
    msg: expect.stringContaining("can't open lock file /run/xtables.lock: Read-only file system"),
  })
  expect(await agent.ready()).toMatchObject({ subnet: '10.244.1.0/24' })
  await agent.stop()
})

const CLIENT_NODE = '/client-node-connector.'
const HOOK = `--import=${fileURLToPath(new URL('../loaded-modules.mjs', import.meta.url))}`

test('only what is needed is loaded: neither etcd nor client-node', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  await rig.register(0, ['10.244.1.0/24'])
  const agent = rig.start(0, { variables: { NODE_OPTIONS: HOOK } })
  await agent.inSync()
  const loaded = await until('the modules', () =>
    agent.output.includes('/store-kube.') ? agent.output : undefined,
  )
  for (const absent of [CLIENT_NODE, '/store-etcd.', '/prom-client/']) expect(loaded).not.toContain(absent)
})

test('by a kubeconfig whose user has a plugin to ask for the token', async () => {
  await using rig = await shared.rig(vxlanConfig, 1)
  await rig.register(0, ['10.244.1.0/24'])
  const apiVersion = 'client.authentication.k8s.io/v1beta1'
  const token = await readFile(rig.cluster.tokenFile, 'utf8')
  const said = join(rig.cluster.folder, 'credential')
  await writeFile(said, JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token } }))
  const user = { exec: { apiVersion, command: '/bin/cat', args: [said] } }
  const agent = rig.start(0, {
    args: [`--kubeconfig-file=${await rig.cluster.kubeconfig('plugin', user)}`],
    variables: { NODE_OPTIONS: HOOK },
  })
  await agent.inSync()
  expect(await agent.ready()).toMatchObject({ subnet: '10.244.1.0/24' })
  expect(agent.output).not.toContain(CLIENT_NODE)
})
