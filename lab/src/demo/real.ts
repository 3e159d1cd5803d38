import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  deleteDevice,
  deleteFdbEntry,
  deleteNetworkDevice,
  deleteNetworkRoute,
  deleteRoute,
  inflict,
  type PeerEntries,
} from '../damages.js'
import type { Host } from '../host.js'
import { Lab } from '../lab.js'
import { entriesOf, type Member, Network } from '../network.js'
import { pingMatrix, pingUntilReached } from '../ping.js'
import type { Pod } from '../pod.js'
import { until } from '../until.js'
import { type Arrival, sourceOnArrival } from './arrival.js'
import type { DemoOptions } from './options.js'
import type { Report } from './report.js'
import { rulesCommand, show, viewHost } from './views.js'

/** The device that a backend has, if it has one. */
const DEVICES = {
  vxlan: 'flannel.1',
  ipip: 'flannel.ipip',
  udp: 'flannel0',
  wireguard: 'flannel-wg',
  'host-gw': undefined,
  ipsec: undefined,
} as const
const NETWORK = '10.244.0.0/16'
/** Of this demo's hosts alone. */
const PSK = randomBytes(48).toString('hex')
/** The switch. */
const OUTSIDE = '192.168.77.254'

/** What the other hosts' leases add to a host's kernel. */
type Peers = readonly [PeerEntries, ...PeerEntries[]]

/**
 * Hosts on one switch, with an agent process and a pod on each, on the real kernel. Always removes all that it made.
 * @returns how many pings were lost
 */
export async function realDemo(options: DemoOptions, report: Report, signal: AbortSignal): Promise<number> {
  report.heading(`${options.hosts} hosts on one switch, an agent process on each, ${options.backend}`)
  await using lab = await Lab.create({ hosts: options.hosts, signal })
  report.note(`namespaces ${lab.name}-*, files in ${lab.directory}`)
  const config = {
    Network: NETWORK,
    EnableNFTables: options.nftables,
    Backend: { Type: options.backend, ...(options.backend === 'ipsec' ? { PSK } : {}) },
  }
  const network = await Network.create(lab, config, { ipMasq: true })
  const members = await network.joinAll()
  const isIpsec = options.backend === 'ipsec'
  const isEncrypted = isIpsec || options.backend === 'wireguard'
  // A host itself has an address for ipsec's tunnels only if charon does ESP.
  const from = members.flatMap(({ pod, host }) => (isIpsec ? [pod] : [pod, host]))
  if (isEncrypted) await shakeHands(members)

  report.heading('Leases')
  report.hosts(
    members.map(({ host: { name }, lease, mtu, joinedAfter }) => ({ name, lease, mtu, joinedAfter })),
  )

  report.heading('What each host holds')
  const device = DEVICES[options.backend]
  const rules = rulesCommand(options.nftables)
  for (const { host } of members) report.view(await viewHost(host, network.subnetEnvOf(host), device, rules))

  let lost = await pingAll('before the damage', from, members, report)
  lost += await pingOutside(lab, members, report)
  await showArrivals(lab, members, report)
  if (isIpsec) await killCharon(lab, members, report)
  else await damageInTurn(members, device, report)
  await damageRules(members, options, report)
  // The second host has lost its sessions; the others would use theirs for 15 s more.
  if (isEncrypted) await shakeHands([...members.slice(1), ...members.slice(0, 1)])
  lost += await pingAll('after the repair', from, members, report)

  if (options.keep) await keepUntil(signal, lab, members, report)
  report.heading('Cleaning up')
  report.note('the agents, the namespaces, the files')
  await Promise.all(members.map(({ agent }) => agent.stop()))
  return lost
}

/**
 * Waits for tunnels. Of two WireGuard peers that begin at once, each drops the other's answer, and begins again 5 s
 * later: one begins.
 */
async function shakeHands(members: readonly Member[]): Promise<void> {
  for (const [i, { pod }] of members.entries()) {
    for (const other of members.slice(i + 1)) await pingUntilReached(pod, `${other.pod.addresses[0]}`)
  }
}

/** Every one of `from` to every pod. */
async function pingAll(
  when: string,
  from: readonly (Host | Pod)[],
  members: readonly Member[],
  report: Report,
): Promise<number> {
  report.heading(`Reachability ${when}`)
  const pods = members.map(({ pod }) => pod)
  const entries = await pingMatrix(from, pods)
  report.reachability(when, entries)
  return entries.reduce((sum, { lost }) => sum + lost, 0)
}

/** Every pod to the switch, which has no route into the network: its answers come to hosts that masquerade. */
async function pingOutside(lab: Lab, members: readonly Member[], report: Report): Promise<number> {
  report.heading('Reachability of the outside, which has no route to pods: they are masqueraded')
  const outside = outsideOf(lab)
  const pods = members.map(({ pod }) => pod)
  const entries = await pingMatrix(pods, [outside])
  report.reachability('of the outside', entries)
  return entries.reduce((sum, { lost }) => sum + lost, 0)
}

/** Which source address the first pod's packets have at another pod, and outside. */
async function showArrivals(lab: Lab, members: readonly Member[], report: Report): Promise<void> {
  report.heading('Source addresses on arrival')
  const [first, second] = members
  if (first === undefined || second === undefined) throw new RangeError('it takes two hosts')
  const owners = members.flatMap(({ host, pod }) => [host, pod])
  const arrivals: Arrival[] = []
  for (const to of [second.pod, outsideOf(lab)]) {
    const [address = ''] = to.addresses
    const source = await sourceOnArrival(first.pod, to, address)
    const owner = owners.find(({ addresses }) => addresses.includes(source))?.name ?? 'nobody known'
    arrivals.push({ from: first.pod.name, to: to.name, source, owner })
  }
  report.arrivals(arrivals)
}

const outsideOf = (lab: Lab) => Object.assign(lab.switch, { name: 'outside', addresses: [OUTSIDE] })

/** Deletes a host's rules; they are back once they are listed as before. */
async function damageRules(
  members: readonly Member[],
  { nftables }: DemoOptions,
  report: Report,
): Promise<void> {
  const host = members.at(-1)?.host
  if (host === undefined) throw new RangeError('damage takes a host')
  const command = nftables ? 'nft delete table ip flannel-ipv4' : 'iptables -t nat -F FLANNEL-POSTRTG'
  const list = async () => {
    const { output } = await show(host, rulesCommand(nftables)).catch(() => ({ output: '' }))
    return output.replaceAll(/packets \d+ bytes \d+/g, '')
  }
  const whole = await list()
  const start = performance.now()
  await show(host, command)
  await until('the rules to be back', async () => ((await list()) === whole ? true : undefined))
  report.repair({ host: host.name, command, healedAfter: performance.now() - start, events: [] })
}

/**
 * Does damage, each to another host: an agent repairs ten changes at once, and after that one a second.
 */
async function damageInTurn(
  members: readonly Member[],
  device: string | undefined,
  report: Report,
): Promise<void> {
  report.heading("Damage and repair, by the kernel's notifications")
  if (device === DEVICES.udp || device === DEVICES.wireguard) return damageNetwork(members, device, report)
  const damages = [
    ([peer]: Peers) => deleteRoute(peer),
    ...(device !== DEVICES.vxlan
      ? []
      : [([peer]: Peers) => deleteFdbEntry(peer, device), (peers: Peers) => deleteDevice(peers, device)]),
  ]
  for (const [i, damage] of damages.entries()) {
    const victim = members[i % members.length]
    const [first, ...others] = members
      .filter((member) => member !== victim)
      .map(({ lease }) => entriesOf(lease))
    if (victim === undefined || first === undefined) throw new RangeError('damage takes two hosts')
    const command = damage([first, ...others])
    const { durationMs: duration, events } = await inflict(victim.host, command)
    report.repair({ host: victim.host.name, command: command.command, healedAfter: duration, events })
  }
}

/** Its tunnels end with it; they are back once a peer's pod answers. */
async function killCharon(lab: Lab, members: readonly Member[], report: Report): Promise<void> {
  report.heading('Damage and repair')
  const [first, second] = members
  if (first === undefined || second === undefined) throw new RangeError('it takes two hosts')
  const { host, pod } = first
  const pidFile = join(lab.directory, host.name, 'ipsec', 'charon-started.pid')
  const command = `kill -KILL $(cat ${pidFile})`
  const killed = await readFile(pidFile, 'utf8')
  const start = performance.now()
  await host.exec('sh', ['-c', command])
  await until('another charon', async () =>
    (await readFile(pidFile, 'utf8').catch(() => killed)) === killed ? undefined : true,
  )
  await pingUntilReached(pod, `${second.pod.addresses[0]}`)
  report.repair({ host: host.name, command, healedAfter: performance.now() - start, events: [] })
}

/** The same for a device that all peers are behind. */
async function damageNetwork(members: readonly Member[], device: string, report: Report): Promise<void> {
  for (const [i, damage] of [deleteNetworkRoute, deleteNetworkDevice].entries()) {
    const host = members[i % members.length]?.host
    if (host === undefined) throw new RangeError('damage takes a host')
    const command = damage(NETWORK, device)
    const { durationMs: healedAfter, events } = await inflict(host, command)
    report.repair({ host: host.name, command: command.command, healedAfter, events })
  }
}

/** Keeps everything running, so that one can look around, and reports what the agents find damaged. */
async function keepUntil(
  signal: AbortSignal,
  lab: Lab,
  members: readonly Member[],
  report: Report,
): Promise<void> {
  report.heading('All of it is kept running; Ctrl-C removes it')
  for (const { host, pod } of members) {
    report.note(`ip netns exec ${host.namespace} bash    its pod: ip netns exec ${pod.namespace} bash`)
  }
  report.note(`the switch: ip netns exec ${lab.switch.namespace} bash`)
  for (const { host, agent } of members) {
    agent.on('event', (event) => {
      if (event.event !== 'drift') return
      for (const { key, was } of event.drift) report.note(`${host.name}: ${was}, repaired: ${key}`)
    })
  }
  if (!signal.aborted) await once(signal, 'abort')
}
