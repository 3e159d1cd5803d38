import { type Host, ping } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { Rig } from './rig.js'

/** The switch, of each family: outside of the network, and without a route into it. */
const OUTSIDE = ['192.168.77.254', 'fd77::fe']
const PORT = 8471
const config = {
  EnableIPv6: true,
  Network: '10.244.0.0/16',
  IPv6Network: 'fd00:244::/48',
  Backend: { Type: 'vxlan' },
}
const FLAGS = { args: ['--ip-masq', '--iptables-forward-rules', `--healthz-port=${PORT}`] }

const rulesOf = async (host: Host): Promise<string> => {
  const texts = [
    host.exec('iptables-save'),
    host.exec('ip6tables-save'),
    host.exec('nft', ['list', 'ruleset']),
  ]
  return (await Promise.all(texts)).join('')
}

test.each([false, true])(
  'pods of both families reach the outside masqueraded, and /metrics counts it (EnableNFTables: %s)',
  async (EnableNFTables) => {
    await using rig = await Rig.create({ ...config, EnableNFTables }, { ipv6: true })
    const { agents, pods } = await rig.joinAll(FLAGS)
    const [[agent], [pod]] = [agents, pods]
    if (agent === undefined || pod === undefined) throw new Error('a host with a pod')
    for (const to of OUTSIDE) expect(await ping(pod, to), to).toEqual({ sent: 5, lost: 0 })
    const metrics = await agent.get(PORT, '/metrics')
    const [mode, chain] = EnableNFTables ? ['nftables', 'postrtg'] : ['iptables', 'FLANNEL-POSTRTG']
    for (const family of ['ipv4', 'ipv6']) {
      const counts = new RegExp(
        `^selvedge_rule_packets_total\\{mode="${mode}",family="${family}",chain="${chain}",number="5",rule=".*(?:MASQUERADE|masquerade).*"\\} (\\d+)$`,
        'm',
      ).exec(metrics)
      // One flow: the kernel asks the rules about its first packet alone.
      expect(Number(counts?.[1]), `${family} in ${metrics}`).toBeGreaterThan(0)
    }
  },
)

test('with nftables no program of iptables is needed', async () => {
  await using rig = await Rig.create({ ...config, EnableNFTables: true }, { ipv6: true, hosts: 1 })
  const folder = rig.lab.directory
  const onlyNft = `cp /usr/sbin/nft ${folder}; mount -t tmpfs tmpfs /usr/sbin; mv ${folder}/nft /usr/sbin`
  const agent = rig.start(0, { ...FLAGS, before: onlyNft })
  const pod = await agent.addPod()
  await agent.inSync()
  for (const to of OUTSIDE) expect(await ping(pod, to), to).toEqual({ sent: 5, lost: 0 })
  expect(agent.logs.filter(({ level }) => level >= 40)).toEqual([])
})

test('two agents on one host, each with rules of its own', async () => {
  await using rig = await Rig.create(config, { ipv6: true, hosts: 1 })
  const host = rig.lab.host(0)
  await rig.etcd.putConfig(
    { ...config, Network: '10.99.0.0/16', IPv6Network: 'fd00:99::/48', Backend: { Type: 'vxlan', VNI: 2 } },
    '/iot/network',
  )
  const first = rig.start(0, FLAGS)
  const pods = [await first.addPod()]
  await first.inSync()
  const before = await rulesOf(host)
  const files = { subnetFile: `${rig.lab.directory}/iot.env`, leaseCache: `${rig.lab.directory}/iot-leases` }
  const second = rig.start(0, {
    args: ['--ip-masq', '--iptables-forward-rules', '--etcd-prefix=/iot/network', '--rules-name=iot'],
    files,
  })
  await second.inSync()
  // The bridge has the first network's gateways.
  const { subnet = '', ipv6Subnet = '' } = await second.ready()
  await host.ip('address', 'add', subnet.replace('.0/', '.1/'), 'dev', 'cni0')
  await host.ip('address', 'add', ipv6Subnet.replace('::/', '::1/'), 'dev', 'cni0')
  pods.push(await second.addPod())
  for (const pod of pods) {
    for (const to of OUTSIDE) expect(await ping(pod, to), to).toEqual({ sent: 5, lost: 0 })
  }
  const both = await rulesOf(host)
  for (const line of before.split('\n').filter((rule) => rule.startsWith('-A '))) expect(both).toContain(line)
  expect(both).toContain('-A POSTROUTING -m comment --comment "flanneld masq iot" -j FLANNEL-POSTRTG-iot')
  // Neither writes again: nothing has drifted.
  expect([...first.logs, ...second.logs].filter(({ msg }) => /another program changed/.test(msg))).toEqual([])
})
