/**
 * As docs/from-flannel.md says it: a cluster changes from flanneld to selvedged host by host, and back, while its pods
 * ping one another and the outside.
 *
 * `FLANNELD=/path/to/flanneld npx vitest run packages/selvedged/tests/migration.test.ts` runs it with flanneld itself.
 */
import { type Host, PingStream, readKernelState } from '@selvedge/lab'
import { expect, test } from 'vitest'
import { FLANNELD, type FlannelNetwork, flannelOnAll } from './flannel/index.js'
import { printTime } from './print-time.js'
import { Rig } from './rig.js'
import { untilAllReach } from './until-all-reach.js'

/** The switch: outside of the network, and without a route into it. */
const OUTSIDE = '192.168.77.254'
const FLAGS = { args: ['--ip-masq', '--iptables-forward-rules'] }
const PING_INTERVAL_MS = 5

const networks: readonly FlannelNetwork[] = [
  { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } },
  ...(FLANNELD === undefined
    ? [{ Network: '10.244.0.0/16', EnableNFTables: true, Backend: { Type: 'host-gw' } } as const]
    : []),
]

test.for(networks)(
  'from flanneld to selvedged and back, host by host, with %j: no packet is lost',
  { timeout: 60_000 },
  async (network) => {
    await using rig = await Rig.create(network)
    const daemons = await flannelOnAll(rig, network)
    const pods = await Promise.all(
      daemons.map(async (daemon) => {
        const { subnet = '', mtu = 0 } = await daemon.subnetEnv()
        return daemon.host.addPod({ subnets: [subnet], mtu })
      }),
    )
    const [first, second] = pods
    if (first === undefined || second === undefined) throw new Error('two pods are needed')
    await untilAllReach(pods, pods)
    const leases = await rig.etcd.leases()
    const before = await Promise.all(rig.lab.hosts.map((host) => stateOf(host, network)))

    /** @param flushes whether flanneld empties its chains in it, by which a masqueraded flow loses packets */
    const step = async (what: string, act: () => Promise<unknown>, { flushes = false } = {}) => {
      const streams = await Promise.all([
        PingStream.start(first, `${second.addresses[0]}`, PING_INTERVAL_MS),
        PingStream.start(second, `${first.addresses[0]}`, PING_INTERVAL_MS),
        PingStream.start(first, OUTSIDE, PING_INTERVAL_MS),
        PingStream.start(second, OUTSIDE, PING_INTERVAL_MS),
      ])
      await act()
      for (const stream of streams) {
        const { sent, lost, longestGapMs } = await stream.stop()
        printTime(`${what}: to ${stream.target} ${sent} packets, ${lost} lost, longest gap`, longestGapMs)
        if (stream.target !== OUTSIDE || !flushes) expect(lost, what).toBe(0)
      }
      expect(await rig.etcd.leases(), what).toEqual(leases)
    }

    const agents: ReturnType<Rig['start']>[] = []
    for (const [index, daemon] of daemons.entries()) {
      const name = `h${index + 1}`
      const flannel = await daemon.subnetEnv()
      await step(`flanneld stops on ${name}`, () => daemon.stop())
      await step(`selvedged starts on ${name}`, async () => {
        const agent = rig.start(index, FLAGS)
        agents.push(agent)
        expect(await agent.ready()).toMatchObject({ ...flannel })
        await agent.inSync()
      })
      expect(await rulesOf(daemon.host)).not.toMatch(network.EnableNFTables ? /FLANNEL-/ : /flannel-ipv4/)
    }
    expect(await Promise.all(rig.lab.hosts.map((host) => stateOf(host, network)))).toEqual(before)

    for (const [index, daemon] of daemons.entries()) {
      const name = `h${index + 1}`
      await step(`selvedged stops on ${name}`, async () => agents[index]?.stop())
      await step(`flanneld starts on ${name}`, () => daemon.start(), { flushes: FLANNELD !== undefined })
    }
    expect(await Promise.all(rig.lab.hosts.map((host) => stateOf(host, network)))).toEqual(before)
    await untilAllReach(pods, pods)
  },
)

/** The device and what leads to the peers. A route's protocol says who wrote it, not where it leads. */
async function stateOf(host: Host, { Backend }: FlannelNetwork): Promise<object> {
  const routes = (await host.ip('-4', 'route'))
    .replaceAll(/ proto \w+| *$/gm, '')
    .split('\n')
    .sort()
  if (Backend.Type === 'host-gw') return { routes }
  const { addresses, neighbours, fdb } = await readKernelState(host, 'flannel.1')
  const [device] = JSON.parse(await host.ip('-json', 'link', 'show', 'flannel.1'))
  const { ifindex, mtu, address, flags } = device
  return { device: { ifindex, mtu, address, flags }, addresses, neighbours, fdb, routes }
}

const rulesOf = async (host: Host): Promise<string> =>
  `${await host.exec('iptables-save')}${await host.exec('nft', ['list', 'ruleset'])}`
