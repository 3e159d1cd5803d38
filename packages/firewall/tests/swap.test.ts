/** From flannel's rules to ours and back, while a pod sends: each packet is masqueraded, and none is lost. */
import { type Host, Lab, PingStream, until } from '@selvedge/lab'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { firewall, type IptablesVariant } from '../src/index.js'
import { FLANNEL, FLANNEL_NFT, NETWORK, SUBNET } from './flannel-rules.js'
import { put, rulesets, write } from './rulesets.js'
import { datagramsWithoutRoom, Station } from './station.js'

/** The switch: it has no way back to a pod's own address, so that it answers masqueraded packets alone. */
const OUTSIDE = '192.168.77.254'
const PORT = 6000
const SCOPE = { aliases: [], links: [], networks: [] }

/** flannel's rules, how they come to a host, and what ours are held by. */
interface Case {
  readonly name: string
  readonly enableNFTables: boolean
  readonly iptables: IptablesVariant
  /** Whether flannel lets packets pass; else no policy drops them. */
  readonly forwards: boolean
  readonly write: (host: Host) => Promise<unknown>
}

/** flannel's own flush at its start, which leaves a gap, is left out: its rules come in one step. */
const byIptables = (iptables: IptablesVariant, versions: readonly (keyof typeof FLANNEL)[]): Case[] =>
  versions.map((version) => ({
    name: `iptables-${iptables}, flannel ${version}`,
    enableNFTables: false,
    iptables,
    forwards: FLANNEL[version].includes('FORWARD'),
    write: (host) => host.exec(`iptables-${iptables}-restore`, ['--noflush'], { input: FLANNEL[version] }),
  }))

const CASES: readonly Case[] = [
  ...byIptables('nft', ['v0.8', 'v0.15', 'v0.16', 'v0.17', 'v0.20', 'v0.28']),
  ...byIptables('legacy', ['v0.15', 'v0.28']),
  {
    name: 'nftables',
    enableNFTables: true,
    iptables: 'nft',
    forwards: false,
    write: (host) => host.exec('nft', [FLANNEL_NFT]),
  },
]

let lab: Lab
let outside: Station
beforeAll(async () => {
  lab = await Lab.create({ hosts: 0 })
  outside = new Station(lab.switch)
  await outside.listen([PORT], [OUTSIDE])
})
afterAll(async () => {
  await outside[Symbol.asyncDispose]()
  await lab[Symbol.asyncDispose]()
})

test.each(CASES)(
  '$name: replaced by ours, put back, replaced again; no packet is lost, and each is masqueraded',
  async (one) => {
    const { enableNFTables, iptables, forwards } = one
    const host = await lab.addHost()
    const pod = await host.addPod({ subnets: [SUBNET], mtu: 1500 })
    const [ours] = rulesets(enableNFTables, { network: NETWORK, subnet: SUBNET })
    if (ours === undefined) throw new Error('no rules')
    await using driver = firewall({ namespace: `/run/netns/${host.namespace}`, iptables })
    const held = async () => (await driver.snapshot(SCOPE)).filter(({ mode }) => mode === ours.mode)
    await one.write(host)
    if (forwards) await host.exec(`iptables-${iptables}`, ['-P', 'FORWARD', 'DROP'])

    // A flow that is known keeps its address, but each of its packets has to pass; of a new flow, the first is masqueraded.
    await using sender = new Station(pod)
    const withoutRoom = await datagramsWithoutRoom(lab.switch)
    const ping = await PingStream.start(pod, OUTSIDE, 5)
    const end = sender.stream(one.name, `${pod.addresses[0]}`, OUTSIDE, PORT)
    const seen = () => [...outside.received].filter(([id]) => id.startsWith(`${one.name} `))
    const someMore = () => {
      const before = seen().length
      return until('packets', () => seen().length > before + 50 || undefined)
    }
    await someMore()
    for (const isAgain of [false, true]) {
      if (isAgain) await one.write(host)
      await someMore()
      expect((await held()).map(({ key }) => key)).toEqual([ours.key])
      await write(driver, [put(ours)])
      await someMore()
      expect(await held()).toEqual([ours])
    }
    const sent = await end()
    const lost = async () => sent - seen().length - (await withoutRoom())
    await until('the last packet', async () => (await lost()) <= 0 || undefined).catch(() => undefined)
    expect({ lost: await lost(), sources: new Set(seen().map(([, from]) => from)) }).toEqual({
      lost: 0,
      sources: new Set([host.addresses[0]]),
    })
    const { sent: pinged, lost: unanswered } = await ping.stop()
    process.stdout.write(`    ${one.name}: ${sent} datagrams and ${pinged} pings, ${unanswered} lost\n`)
    expect(unanswered).toBe(0)
  },
)
