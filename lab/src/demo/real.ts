import { once } from 'node:events'
import { deleteDevice, deleteFdbEntry, deleteRoute, inflict, type PeerEntries } from '../damages.js'
import { Lab } from '../lab.js'
import { entriesOf, type Member, Network } from '../network.js'
import { pingMatrix } from '../ping.js'
import type { DemoOptions } from './options.js'
import type { Report } from './report.js'
import { viewHost } from './views.js'

const DEVICE = 'flannel.1'

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
  const network = await Network.create(lab, {
    Network: '10.244.0.0/16',
    Backend: { Type: options.backend },
  })
  const members = await network.joinAll()

  report.heading('Leases')
  report.hosts(
    members.map(({ host: { name }, lease, mtu, joinedAfter }) => ({ name, lease, mtu, joinedAfter })),
  )

  report.heading('What each host holds')
  const device = options.backend === 'vxlan' ? DEVICE : undefined
  for (const { host } of members) report.view(await viewHost(host, network.subnetEnvOf(host), device))

  let lost = await pingAll('before the damage', members, report)
  await damageInTurn(members, device, report)
  lost += await pingAll('after the repair', members, report)

  if (options.keep) await keepUntil(signal, lab, members, report)
  report.heading('Cleaning up')
  report.note('the agents, the namespaces, the files')
  await Promise.all(members.map(({ agent }) => agent.stop()))
  return lost
}

/** Every pod and every host to every pod. */
async function pingAll(when: string, members: readonly Member[], report: Report): Promise<number> {
  report.heading(`Reachability ${when}`)
  const pods = members.map(({ pod }) => pod)
  const hosts = members.map(({ host }) => host)
  const entries = await pingMatrix([...pods, ...hosts], pods)
  report.reachability(when, entries)
  return entries.reduce((sum, { lost }) => sum + lost, 0)
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
  const damages = [
    ([peer]: Peers) => deleteRoute(peer),
    ...(device === undefined
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
