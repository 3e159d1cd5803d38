/**
 * `selvedge cleanup` after agents on a real kernel: what was there before is there again, and what is others' stays.
 *
 * `FLANNELD=/path/to/flanneld npx vitest run packages/selvedged/tests/cli/cleanup.test.ts` runs it with flanneld itself.
 */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, readlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asShown, documentBlock, type Host, hasKernelWireguard, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { FLANNELD, flannelOnAll } from '../flannel/index.js'
import { Rig } from '../rig.js'
import { controlSocketOf, filesOf } from '../selvedged.js'
import { OTHERS, settled, stateOf } from './cleanup-host.js'
import { type RunSelvedge, selvedgeIn } from './selvedge.js'

const PEER = '192.168.77.77'
/** Records of a peer that never answers. */
const PEERS: Readonly<Record<string, object>> = {
  vxlan: {
    BackendType: 'vxlan',
    BackendData: { VNI: 1, VtepMAC: 'aa:00:00:00:00:66' },
    BackendV6Data: { VNI: 1, VtepMAC: 'aa:00:00:00:00:67' },
  },
  'host-gw': { BackendType: 'host-gw' },
  extension: { BackendType: 'extension', BackendData: 'data' },
  udp: {},
  wireguard: {
    BackendType: 'wireguard',
    BackendData: { PublicKey: 'Z1XX1J3gjDWkCpjHfJWmhlvGQPQTnvOHCFqcMQTYG3w=', Port: 51820 },
  },
}

const ipv4 = { Network: '10.244.0.0/16' }
interface Case {
  readonly type: string
  readonly how: string
  readonly config: object
  readonly backend?: object
  readonly args?: readonly string[]
}

const cases: readonly Case[] = [
  { type: 'vxlan', how: 'by iptables', config: ipv4 },
  {
    type: 'vxlan',
    how: 'dual-stack, by nftables',
    config: { ...ipv4, EnableIPv6: true, IPv6Network: 'fd44::/48', EnableNFTables: true },
  },
  {
    type: 'host-gw',
    how: 'with a blackhole, and rules of a name',
    config: ipv4,
    args: ['--ip-blackhole-route', '--rules-name=blue'],
  },
  { type: 'udp', how: 'whose device outlives the agent', config: ipv4 },
  {
    type: 'extension',
    how: 'whose commands write routes',
    config: ipv4,
    backend: {
      PreStartupCommand: 'echo data',
      SubnetAddCommand: 'ip route add $SUBNET via 192.0.2.9',
      SubnetRemoveCommand: 'ip route delete $SUBNET via 192.0.2.9',
    },
  },
  { type: 'wireguard', how: hasKernelWireguard() ? "by the kernel's" : 'by wireguard-go', config: ipv4 },
]

/** Shares /var/run/wireguard with the agent alone, and has a /run/selvedge of its own. */
function isolated(folder: string): readonly string[] {
  const script = `mkdir -p /var/run/wireguard /run/selvedge
    mount --bind '${folder}' /var/run/wireguard; mount -t tmpfs selvedge-test /run/selvedge; exec "$@"`
  return ['unshare', '--mount', 'sh', '-ec', script, 'sh']
}

interface Place {
  readonly cleanup: RunSelvedge
  readonly variables: Readonly<Record<string, string>>
  readonly wrapper: readonly string[]
}

async function placeOf(rig: Rig, host: Host): Promise<Place> {
  const { subnetFile, leaseCache } = filesOf(rig.lab, host)
  const folder = dirname(subnetFile)
  const sockets = join(rig.lab.directory, `${host.name}-wireguard`)
  await mkdir(sockets, { recursive: true })
  const variables = {
    WIREGUARD_KEY_FILE: join(folder, 'wgkey'),
    EXTENSION_RECORDS_DIR: join(folder, 'extension'),
  }
  const wrapper = isolated(sockets)
  const flags = [
    `--subnet-file=${subnetFile}`,
    `--lease-cache=${leaseCache}`,
    `--control-socket=${controlSocketOf(subnetFile)}`,
    `--etcd-endpoints=${rig.etcd.endpoint}`,
  ]
  const environment = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const selvedge = selvedgeIn(host, flags, [...environment, ...wrapper])
  return { cleanup: (...args) => selvedge('cleanup', ...args), variables, wrapper }
}

/** Processes of a program in the host's network namespace. */
async function running(host: Host, program: string): Promise<number> {
  const own = (await host.exec('readlink', ['/proc/self/ns/net'])).trim()
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      return line.startsWith(program) && (await readlink(`/proc/${pid}/ns/net`).catch(() => '')) === own
    }),
  )
  return found.filter(Boolean).length
}

test.for(cases)(
  'after $type $how: what the agent made is gone, its processes and files too, and nothing else',
  { timeout: 60_000 },
  async ({ type, how, config, backend, args = [] }) => {
    await using rig = await Rig.create(
      { ...config, Backend: { Type: type, ...backend } },
      { hosts: 1, ipv6: true },
    )
    const host = rig.lab.host(0)
    await host.exec('sh', ['-euc', OTHERS])
    await settled(host)
    const before = await stateOf(host)
    const { cleanup, variables, wrapper } = await placeOf(rig, host)
    expect(await cleanup('--dry-run')).toMatchObject({ status: 0, stderr: '' })

    const isDual = 'EnableIPv6' in config
    const peerKey = isDual ? '10.244.200.0-24&fd44:0:0:c8::-64' : '10.244.200.0-24'
    const record = { PublicIP: PEER, PublicIPv6: isDual ? 'fd77::77' : null, ...PEERS[type] }
    await rig.etcd.put(peerKey, JSON.stringify(record))
    const agent = rig.start(0, {
      args: ['--ip-masq', '--iptables-forward-rules', ...args],
      variables,
      wrapper,
    })
    await agent.inSync()
    await agent.ready()
    expect(await cleanup('--yes')).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(/selvedged, process \d+, runs/),
    })
    expect(await agent.stop()).toMatchObject({ status: 0 })
    await settled(host)
    const left = await stateOf(host)
    expect(left.split('\n').length - before.split('\n').length).toBeGreaterThan(8)

    const planned = await cleanup('--dry-run')
    expect(planned).toMatchObject({ status: 2, stderr: '' })
    if (how === 'by iptables') {
      const block = documentBlock('docs/selvedge.md', '- traffic rules by iptables ipv4')
      const page = planned.stdout
        .replaceAll(agent.subnetFile, '/run/flannel/subnet.env')
        .replaceAll(filesOf(rig.lab, host).leaseCache, '/var/lib/selvedge/leases')
      expect(asShown(block, page)).toBe(block)
    }
    expect(await cleanup()).toMatchObject({ status: 3, stderr: expect.stringContaining('--yes') })
    expect(await stateOf(host)).toBe(left)
    const done = await cleanup('--yes', '--release-lease')
    expect(done).toMatchObject({ status: 0, stderr: '' })
    expect(done.stdout).toMatch(/^- lease 10\.244\.\d+\.0-24.*, in etcd/m)
    expect(done.stdout.split('\n').filter((line) => line.length > 100)).toEqual([])
    await until('wireguard-go to end', async () => (await running(host, 'wireguard-go')) === 0 || undefined)
    expect(await stateOf(host)).toBe(before)
    expect([...(await rig.etcd.leases()).keys()]).toEqual([peerKey])
    expect(await readdir(dirname(agent.subnetFile), { recursive: true })).toEqual(['state'])
    expect(await cleanup('--yes')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /^\? link flannel\.9, bridge: .*\nno overlay has left anything on this host\n$/,
      ),
    })
  },
)

const by = FLANNELD === undefined ? "flanneld's leftovers, made by commands" : 'flanneld itself'

test.for(['vxlan', 'host-gw'] as const)(
  `after ${by}, with %s: its routes without a mark are known by its subnet.env`,
  { timeout: 60_000 },
  async (Type) => {
    const network = { Network: '10.244.0.0/16', Backend: { Type } }
    await using rig = await Rig.create(network)
    const host = rig.lab.host(0)
    await host.exec('sh', ['-euc', OTHERS])
    await settled(host)
    const before = await stateOf(host)
    const [flannel, peer] = await flannelOnAll(rig, network)
    if (flannel === undefined || peer === undefined) throw new Error('two hosts are needed')
    const { cleanup } = await placeOf(rig, host)
    if (FLANNELD !== undefined) {
      expect(await cleanup('--yes')).toMatchObject({ status: 3, stderr: expect.stringContaining('flanneld') })
    }
    await flannel.stop()
    await peer.stop()
    const { subnet = '' } = await flannel.subnetEnv()
    // As its --ip-blackhole-route leaves it, and its udp.
    await host.ip('route', 'add', 'blackhole', subnet.replace(/\.1\/24$/, '.0/24'))
    await host.ip('tuntap', 'add', 'dev', 'flannel0', 'mode', 'tun')
    expect((await host.ip('route')).match(/^10\.244\.\d+\.0\/24 via/gm)).toHaveLength(1)
    expect(await cleanup('--yes')).toMatchObject({ status: 0, stderr: '' })
    expect(await stateOf(host)).toBe(before)
    expect(existsSync(filesOf(rig.lab, host).subnetFile)).toBe(false)
  },
)

test('what cannot be removed is named, all else is removed, and a second run finishes it', async () => {
  await using rig = await Rig.create({ ...ipv4, Backend: { Type: 'vxlan' } }, { hosts: 1 })
  const host = rig.lab.host(0)
  const before = await stateOf(host)
  const { cleanup, wrapper } = await placeOf(rig, host)
  const agent = rig.start(0)
  await agent.inSync()
  await agent.ready()
  const { subnetFile, leaseCache } = filesOf(rig.lab, host)
  await until('the lease cache to be written', () => existsSync(leaseCache) || undefined)
  // SIGKILL leaves the control socket, at which nobody answers.
  await agent.kill()
  const flags = [`--subnet-file=${subnetFile}`, `--lease-cache=${leaseCache}`, '--control-socket=']
  const busy = ['sh', '-ec', `mount --bind /dev/null '${leaseCache}'; exec "$@"`, 'sh']
  const failed = await selvedgeIn(host, flags, [...wrapper, ...busy])('cleanup', '--yes', '--json')
  expect(failed.status).toBe(1)
  expect(JSON.parse(failed.stdout)).toMatchObject({
    networks: ['10.244.0.0/16'],
    removed: true,
    failures: [{ code: 'DRIVER_REFUSED', message: expect.stringContaining(leaseCache) }],
  })
  await settled(host)
  expect(await stateOf(host)).toBe(before)
  expect(existsSync(subnetFile)).toBe(false)
  expect(await cleanup('--yes')).toMatchObject({ status: 0 })
  expect(existsSync(leaseCache)).toBe(false)
  expect(existsSync(controlSocketOf(subnetFile))).toBe(false)
})

test('a reservation of this host stays, and it is said why; a lease of its goes, and an absent one is no obstacle', async () => {
  await using rig = await Rig.create({ ...ipv4, Backend: { Type: 'vxlan' } }, { hosts: 1 })
  const host = rig.lab.host(0)
  const { cleanup } = await placeOf(rig, host)
  const record = JSON.stringify({ PublicIP: host.addresses[0], BackendType: 'vxlan', ...PEERS.vxlan })
  await rig.etcd.put('10.244.7.0-24', record)
  await host.ip('link', 'add', 'flannel.1', 'type', 'vxlan', 'id', '1', 'dstport', '8472')
  const kept = await cleanup('--yes', '--release-lease')
  expect(kept).toMatchObject({ status: 0, stderr: '' })
  expect(kept.stdout.replaceAll(/\n {2,}/g, ' ')).toMatch(
    /^\? the lease 10\.244\.7\.0-24, in etcd .*, is a reservation: an operator's, which stays$/m,
  )
  expect([...(await rig.etcd.leases()).keys()]).toEqual(['10.244.7.0-24'])
  expect(await host.ip('link')).not.toContain('flannel.1')
  await rig.etcd.deleteAll()
  await rig.etcd.putWithTerm('10.244.7.0-24', record)
  expect(await cleanup('--yes', '--release-lease')).toMatchObject({ status: 0, stderr: '' })
  expect(await rig.etcd.leases()).toEqual(new Map())
  const none = await cleanup('--yes', '--release-lease')
  expect(none).toMatchObject({ status: 0, stdout: expect.stringContaining('? no lease in etcd at') })
})
