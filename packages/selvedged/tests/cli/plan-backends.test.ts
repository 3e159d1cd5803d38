/**
 * `selvedge plan` with each backend, on a real kernel and a real etcd: a new host, one that an agent runs on or has run on,
 * and one on which another program has changed something. That a plan changes nothing is proven at each.
 */
import { execFileSync } from 'node:child_process'
import { hasKernelWireguard, kernelHasEsp } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from '../rig.js'
import { onEtcd, PlannedHost, type PlannedHostOptions } from './planned-host.js'

interface Case extends PlannedHostOptions {
  readonly type: string
  /** What moves the packets, if there are several. */
  readonly carrier?: string
  readonly backend?: object
  /** Of what a new host gets, without lease and file. */
  readonly kinds: readonly string[]
  /** What a plan cannot know, on a new host. */
  readonly unknown?: readonly RegExp[]
  /** In a dump of the host once tunnels, which are not the agent's, are up. */
  readonly connected?: RegExp
  /** By another program, given the peer's subnet. */
  readonly fault: (peer: string) => string
  /** What a plan says of it: type, kind, and the rest of the line and those below it. */
  readonly named: (peer: string) => RegExp
  /** Whether this kernel can run it, and what is said if not. */
  readonly isAble?: boolean
  readonly lacking?: RegExp
}

const HAS_ESP = await kernelHasEsp()
const NOTHING = 'an agent would change nothing\n'

/** Asked of the kernel in a namespace that is gone at once. */
function hasIpip(): boolean {
  try {
    const command = 'ip link add probe type ipip local 192.0.2.1'.split(' ')
    execFileSync('unshare', ['--net', ...command], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const gatewayOf = (subnet: string): string => subnet.replace('/24', '')

const WIREGUARD = {
  type: 'wireguard',
  kinds: ['address', 'link', 'route', 'wireguard-device', 'wireguard-peer'],
  unknown: [/this node's WireGuard key, which a start makes in \/run\/flannel\/wgkey: there is none yet/],
  fault: () => 'ip route delete 10.244.0.0/16 dev flannel-wg',
  named: () =>
    /^\+ route 10\.244\.0\.0\/16 dev flannel-wg\n1 to add \(1 route\), 0 to change, 0 to delete\n$/,
}

const cases: readonly Case[] = [
  {
    type: 'vxlan',
    kinds: ['address', 'fdb', 'link', 'neighbour', 'route'],
    fault: (peer) =>
      `ip neighbour replace ${gatewayOf(peer)} lladdr 02:00:00:00:00:09 dev flannel.1 nud permanent`,
    named: (peer) =>
      new RegExp(
        `^~ neighbour flannel\\.1 ${gatewayOf(peer)}\\n +macAddress +02:00:00:00:00:09 → [0-9a-f:]{17}\\n0 to add, 1 to change \\(1 neighbour\\), 0 to delete\\n$`,
      ),
  },
  {
    type: 'host-gw',
    kinds: ['route'],
    fault: (peer) => `ip route replace ${peer} via 192.168.77.254 proto 157`,
    named: (peer) =>
      new RegExp(
        `^~ route ${peer}\\n +gateway +192\\.168\\.77\\.254 → 192\\.168\\.77\\.1\\n0 to add, 1 to change`,
      ),
  },
  {
    type: 'udp',
    kinds: ['address', 'link', 'route'],
    unknown: [/the proxy is a part of the agent's own process/],
    fault: () => 'ip link set flannel0 mtu 1400',
    named: () => /^~ link flannel0\n +mtu +1400 → 1472\n/,
  },
  {
    ...WIREGUARD,
    carrier: 'wireguard-go',
    variables: { WIREGUARD_IMPLEMENTATION: 'userspace' },
  },
  {
    ...WIREGUARD,
    carrier: 'the kernel',
    variables: { WIREGUARD_IMPLEMENTATION: 'kernel' },
    isAble: hasKernelWireguard(),
    lacking: /this kernel has no WireGuard: load its module/,
  },
  {
    type: 'ipip',
    kinds: ['address', 'link', 'route'],
    fault: () => 'ip link set flannel.ipip mtu 1300',
    named: () => /^~ link flannel\.ipip\n +mtu +1300 → 1480\n/,
    isAble: hasIpip(),
    lacking: /no links of type ipip: load its module/,
  },
  {
    type: 'ipsec',
    backend: { PSK: 'sEcReT'.repeat(16) },
    kinds: [
      'address',
      'ike-connection',
      'ike-daemon',
      'ike-secret',
      'link',
      'route',
      ...(HAS_ESP ? ['xfrm-policy'] : []),
    ].filter((kind) => !HAS_ESP || (kind !== 'link' && kind !== 'address')),
    unknown: [/which PSKs a charon that runs has/],
    connected: HAS_ESP ? /proto esp/ : /dev ipsec0 table 220/,
    fault: () =>
      HAS_ESP ? 'ip route delete 10.244.0.0/16' : 'ip route delete blackhole 10.244.0.0/16 metric 4000000000',
    named: () =>
      /^\+ route .*10\.244\.0\.0\/16.*\n(.*\n)?\? .*\n( .*\n)*1 to add \(1 route\), 0 to change, 0 to delete\n$/,
  },
  {
    type: 'extension',
    backend: {
      PreStartupCommand: 'echo published',
      PostStartupCommand: 'touch /run/started',
      SubnetAddCommand: 'ip route replace "$SUBNET" via "$PUBLIC_IP"; : sEcReT',
      SubnetRemoveCommand: 'ip route del "$SUBNET" via "$PUBLIC_IP"',
      Shell: true,
    },
    kinds: ['command'],
    unknown: [
      /what PreStartupCommand prints, which is published/,
      /what PostStartupCommand and SubnetAddCommand change/,
    ],
    fault: (peer) => `rm /run/flannel/extension/*/*${gatewayOf(peer)}*`,
    named: (peer) => new RegExp(`^\\+ command ${peer} by SubnetAddCommand\\n\\? `),
  },
]

const nameOf = ({ type, carrier }: Pick<Case, 'type' | 'carrier'>): string =>
  carrier === undefined ? type : `${type} by ${carrier}`

for (const { backend, isAble = true, ...options } of cases) {
  if (!isAble) continue
  test(`${nameOf(options)}: a plan on a new host, beside an agent, after it, and after a fault`, async () => {
    await using rig = await Rig.create({
      Network: '10.244.0.0/16',
      Backend: { Type: options.type, ...backend },
    })
    const [peer, planned] = [
      await PlannedHost.create(onEtcd(rig), 0, options),
      await PlannedHost.create(onEtcd(rig), 1, options),
    ]
    const agent = peer.start()
    await agent.inSync()
    const { subnet: peers = '' } = await agent.ready()

    const fresh = await planned.plan()
    expect(fresh).toMatchObject({ status: 2, stderr: '' })
    expect(fresh.stdout).not.toContain('sEcReT')
    for (const line of fresh.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    const page = JSON.parse((await planned.plan('--json')).stdout)
    expect(JSON.stringify(page)).not.toContain('sEcReT')
    expect(page).toMatchObject({ changes: true, lease: { change: 'new' }, warnings: [] })
    const added: { type: string; resource: { kind: string } }[] = page.operations
    expect(added.map((operation) => operation.type)).not.toContain('delete')
    expect([...new Set(added.map(({ resource }) => resource.kind))].sort()).toEqual(options.kinds)
    for (const [index, text] of (options.unknown ?? []).entries()) expect(page.unknown[index]).toMatch(text)

    const second = planned.start()
    await second.inSync()
    const { subnet } = await second.ready()
    expect(page.lease.key).toBe(subnet?.replace('/', '-'))
    await planned.until(options.connected ?? /./)
    const beside = await planned.plan()
    expect(beside).toMatchObject({ status: 0, stderr: '' })
    expect(beside.stdout.endsWith(NOTHING)).toBe(true)
    await second.stop()
    expect(await planned.plan()).toEqual(beside)

    await planned.sh(options.fault(peers))
    const faulty = await planned.plan()
    expect(faulty.stdout).toMatch(options.named(peers))
    expect(faulty.status).toBe(2)
  })
}

for (const { isAble = true, lacking = /./, ...options } of cases) {
  if (isAble) continue
  test(`NOT TESTED: ${nameOf(options)}, which this kernel lacks: a plan says so, as a start does`, async () => {
    const config = { Network: '10.244.0.0/16', Backend: { Type: options.type } }
    await using rig = await Rig.create(config, { hosts: 1 })
    const planned = await PlannedHost.create(onEtcd(rig), 0, options)
    const { status, stderr } = await planned.plan()
    expect(stderr).toMatch(lacking)
    expect(status).toBe(1)
  })
}
