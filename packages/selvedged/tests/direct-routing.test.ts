/**
 * Whether a peer is reached without the tunnel is for the host's routes to say, by all its policy rules: two hosts in a
 * /16, and a third in a /24 of it that is behind a router.
 */
import { type Host, PingStream, type Pod, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from './rig.js'
import type { Selvedged } from './selvedged.js'
import { untilAllReach } from './until-all-reach.js'

const NETWORK = { Network: '10.244.0.0/16' }
const ROUTER = '192.168.77.254'

/** Turns the switch into a router between 192.168.0.0/16, of all hosts but the second, and 192.168.78.0/24. */
async function putSecondBehindRouter({ lab }: Rig): Promise<void> {
  const [first, second, third] = lab.hosts
  await lab.switch.sysctl({ 'net/ipv4/ip_forward': 1, 'net/ipv4/conf/all/send_redirects': 0 })
  await lab.switch.ipBatch([
    'link set h2 nomaster',
    'address add 192.168.78.254/24 dev h2',
    `address add 192.168.77.253/24 dev br0`,
  ])
  const move = (host: Host | undefined, from: string, to: string, routes: readonly string[]) =>
    host?.ipBatch([`address delete ${from} dev eth0`, `address add ${to} dev eth0`, ...routes])
  const behind = [`route add default via ${ROUTER}`, `route add 192.168.78.0/24 via ${ROUTER}`]
  await move(first, '192.168.77.1/24', '192.168.77.1/16', behind)
  await move(second, '192.168.77.2/24', '192.168.78.2/24', ['route add default via 192.168.78.254'])
  await move(third, '192.168.77.3/24', '192.168.77.3/16', behind)
}

test('peers on the LAN and behind a router: the host’s routes and rules decide, and their changes are followed', async () => {
  await using rig = await Rig.create(
    { ...NETWORK, Backend: { Type: 'vxlan', DirectRouting: true } },
    { hosts: 3 },
  )
  await putSecondBehindRouter(rig)
  const { agents, pods } = await rig.joinAll()
  const [first] = rig.lab.hosts
  if (first === undefined) throw new Error('no host')
  const subnets = await Promise.all(agents.map(async (agent) => (await agent.ready()).subnet ?? ''))
  const [, behind = '', onLan = ''] = subnets
  const wayTo = async (subnet: string): Promise<string | undefined> =>
    / (via .*? dev \S+)/.exec(await first.ip('route', 'show', subnet))?.[1]
  const tunnelTo = (subnet: string): string => `via ${subnet.replace('/24', '')} dev flannel.1`
  const direct = 'via 192.168.77.3 dev eth0'
  /** Resolves with how many ms after the change the route was there. */
  const followed = async (
    subnet: string,
    way: string | undefined,
    lines: readonly string[],
  ): Promise<number> => {
    await first.ipBatch(lines)
    const start = performance.now()
    await until(
      `${subnet} to be routed ${way} after ${lines}`,
      async () => ((await wayTo(subnet)) === way ? true : undefined),
      {
        timeoutMs: 3_000,
        intervalMs: 1,
      },
    )
    return performance.now() - start
  }
  expect([await wayTo(behind), await wayTo(onLan)]).toEqual([tunnelTo(behind), direct])

  const [firstPod, ...others] = pods as [Pod, ...Pod[]]
  const streams = await Promise.all(
    others.flatMap((pod) => [
      PingStream.start(firstPod, pod.addresses[0] ?? '', 20),
      PingStream.start(pod, firstPod.addresses[0] ?? '', 20),
    ]),
  )
  const took: number[] = []
  for (const [there, back] of [
    [
      ['rule add to 192.168.77.3 lookup 100', `route add default via ${ROUTER} table 100`],
      ['rule del to 192.168.77.3 lookup 100'],
    ],
    [['route add 192.168.77.3 via 192.168.77.254'], ['route del 192.168.77.3']],
    [
      [`route add 192.168.77.2/31 nexthop via ${ROUTER} dev eth0 nexthop via 192.168.77.253 dev eth0`],
      ['route del 192.168.77.2/31'],
    ],
  ] as const) {
    took.push(await followed(onLan, tunnelTo(onLan), there), await followed(onLan, direct, back))
  }
  for (const { sent, lost } of await Promise.all(streams.map((stream) => stream.stop()))) {
    expect(sent).toBeGreaterThan(0)
    expect(lost).toBe(0)
  }
  // Each is followed at once; a loaded machine takes its time to show it.
  expect(Math.max(...took), `${took.map(Math.round)} ms`).toBeLessThan(1_500)

  // Where nothing arrives, nothing is sent either: the tunnel's own packets meet the same route.
  await first.ip('link', 'add', 'elsewhere', 'type', 'veth', 'peer', 'name', 'wire')
  await first.ip('link', 'set', 'elsewhere', 'up')
  for (const route of ['unreachable 192.168.77.3', 'blackhole 192.168.77.3', '192.168.77.3 dev elsewhere']) {
    await followed(onLan, tunnelTo(onLan), [`route add ${route}`])
    await followed(onLan, direct, ['route del 192.168.77.3'])
  }
  await untilAllReach(pods, pods)

  await Promise.all(agents.map((agent) => agent.stop()))
  await rig.etcd.putConfig({ ...NETWORK, Backend: { Type: 'host-gw' } })
  const again = rig.lab.hosts.map((_, index) => rig.start(index))
  await Promise.all(again.map((agent) => agent.ready()))
  const [agent] = again as [Selvedged]
  await agent.logged(
    `192.168.78.2 is on the network of eth0 (192.168.0.0/16), but the host routes it by 192.168.78.0/24 via ${ROUTER} dev eth0`.replaceAll(
      /[()]/g,
      '.',
    ),
  )
  const [, , last] = pods as [Pod, Pod, Pod]
  await untilAllReach([firstPod], [last])
  expect([await wayTo(behind), await wayTo(onLan)]).toEqual([undefined, direct])
  await followed(onLan, undefined, ['rule add to 192.168.77.3 lookup 100'])
  await agent.logged(`routes it by 0.0.0.0/0 via ${ROUTER} dev eth0 table 100`)
  await followed(onLan, direct, ['rule del to 192.168.77.3 lookup 100'])
  await untilAllReach([firstPod], [last])
})
