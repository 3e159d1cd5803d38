import { documentBlock, type Host, PingStream, ping, until } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { addressSeen } from './address-seen.js'
import { Rig, vxlanConfig } from './rig.js'

/** The switch: outside of the network, and without a route into it. */
const OUTSIDE = '192.168.77.254'
const FLAGS = { args: ['--ip-masq', '--iptables-forward-rules'] }
/** 50 a second. */
const INTERVAL_MS = 20

const iptables = (host: Host) => host.exec('iptables-save')
/** With handles, which a rule that is written again does not keep, and without counts. */
const nftables = async (host: Host) =>
  (await host.exec('nft', ['-a', 'list', 'ruleset'])).replaceAll(/packets \d+ bytes \d+/g, '')

test('pods reach the outside masqueraded and one another as themselves, over restarts and a change of mode', async () => {
  await using rig = await Rig.create(vxlanConfig)
  const { agents, pods } = await rig.joinAll(FLAGS)
  const [first, second] = pods
  const host = rig.lab.host(0)
  let [agent] = agents
  if (agent === undefined || first === undefined || second === undefined) throw new Error('two hosts')
  expect(await agent.subnetEnv()).toMatchObject({ ipMasq: true })
  const loss = { sent: 5, lost: 0 }
  const inside = { address: second.addresses[0] ?? '', port: 8000 }
  expect(await ping(first, OUTSIDE)).toEqual(loss)
  expect(await addressSeen(first, second, inside)).toBe(first.addresses[0])
  expect(await iptables(host)).toContain('-j MASQUERADE --random-fully')

  // What another program deletes is put back. Before the streams: while no rule needs it, the kernel forgets connections.
  const saved = await iptables(host)
  await host.exec('iptables', ['-t', 'nat', '-F', 'FLANNEL-POSTRTG'])
  await until('the rules to be back', async () =>
    rulesOf(await iptables(host)) === rulesOf(saved) ? true : undefined,
  )

  const streams = await Promise.all(
    [OUTSIDE, second.addresses[0] ?? ''].map((to) => PingStream.start(first, to, INTERVAL_MS)),
  )
  const restart = async () => {
    await agent?.kill()
    agent = rig.start(0, FLAGS)
    await agent.inSync()
  }
  const before = await nftables(host)
  await restart()
  expect(await nftables(host)).toBe(before)

  const [lookByIptables = '', lookByNft = '', lookAtFlows = ''] = documentBlock(
    'docs/traffic-rules.md',
    'iptables-save | grep',
    { '10.244.1.5': first.addresses[0] ?? '' },
  ).split('\n')
  for (const EnableNFTables of [true, false]) {
    await rig.etcd.putConfig({ ...vxlanConfig, EnableNFTables })
    await restart()
    const [old, now] = EnableNFTables ? ['FLANNEL', 'flannel-ipv4'] : ['flannel-ipv4', 'FLANNEL']
    const rules = `${await iptables(host)}${await nftables(host)}`
    expect(rules).toContain(now)
    expect(rules).not.toContain(old)
    const look = EnableNFTables ? lookByNft : lookByIptables
    expect(await host.exec('sh', ['-ec', look])).toMatch(/masquerade/i)
    expect(await ping(first, OUTSIDE)).toEqual(loss)
    expect(await addressSeen(first, second, inside)).toBe(first.addresses[0])
  }
  expect(await host.exec('sh', ['-ec', lookAtFlows])).toContain(
    `src=${first.addresses[0]} dst=${inside.address} `,
  )
  for (const stream of streams) expect(await stream.stop()).toMatchObject({ lost: 0 })

  await agent.stop()
  agent = rig.start(0)
  await agent.inSync()
  expect(await agent.subnetEnv()).toMatchObject({ ipMasq: false })
  expect(`${await iptables(host)}${await nftables(host)}`).not.toMatch(/flannel/i)
  expect(await ping(first, OUTSIDE, { count: 2 })).toEqual({ sent: 2, lost: 2 })
})

/** Without counts and dates. */
const rulesOf = (saved: string): string => saved.replaceAll(/^#.*\n|\[\d+:\d+\]/gm, '')
