import { readFile, rm } from 'node:fs/promises'
import { type Host, type Lab, until } from '@selvedge/lab'
import { filesOf, type Selvedged } from './selvedged.js'

/** Hosts on a switch, whatever their store. */
interface OnLab {
  readonly lab: Lab
}

/** The uplink of a host, as it was before it lost it. */
export interface Uplink {
  readonly host: Host
  readonly macAddress: string
}

/** What a reboot leaves of a node: its files on disk, and of its links `lo` alone. Its agent dies as in a power cut. */
export async function rebootWithoutUplink({ lab }: OnLab, agent: Selvedged): Promise<Uplink> {
  const { host } = agent
  // It is written a second after the first lease is known; a peer that comes later is in the next writing, 30 s on.
  const timeoutMs = 45_000
  const hasAll = async () => {
    const text = await readFile(filesOf(lab, host).leaseCache, 'utf8').catch(() => '')
    return text.includes(`"leases":${lab.hosts.length},`) ? true : undefined
  }
  await until('the agent to have kept what it knows of the network', hasAll, { timeoutMs })
  await agent.kill()
  await rm(agent.subnetFile, { force: true })
  return removeLinks(host)
}

/** Removes what a reboot would of an agent that was stopped, but for the uplink: its link, and its file in /run. */
export async function loseWhatARebootTakes({ host, subnetFile }: Selvedged): Promise<void> {
  await host.ip('link', 'delete', 'flannel.1')
  await rm(subnetFile)
}

/** Leaves a host `lo` alone. */
export async function removeLinks(host: Host): Promise<Uplink> {
  const [, macAddress = ''] = /link\/ether (\S+)/.exec(await host.ip('link', 'show', 'eth0')) ?? []
  const text = await host.ip('-oneline', 'link', 'show')
  for (const [, name = ''] of text.matchAll(/^\d+: ([^:@]+)/gm)) {
    // Some go with others.
    if (name !== 'lo') await host.ip('link', 'delete', name).catch(() => undefined)
  }
  return { host, macAddress }
}

/**
 * A wire from the host to the switch again, without an address.
 * @param device its name on the host
 */
export async function plugIn(
  { lab }: OnLab,
  { host, macAddress }: Uplink,
  { device = 'eth0', mac = macAddress, mtu = 1500 } = {},
): Promise<void> {
  const there = lab.switch.namespace
  const port = `${host.name}${device === 'eth0' ? '' : device}`
  await host.ip(
    ...`link add ${device} address ${mac} mtu ${mtu} type veth peer name ${port} mtu ${mtu} netns ${there}`.split(
      ' ',
    ),
  )
  await lab.switch.ip('link', 'set', port, 'master', 'br0', 'up')
  await host.sysctl({ [`net/ipv6/conf/${device}/accept_dad`]: 0 })
  await host.ip('link', 'set', device, 'up')
}

/** The switch routes between the network of the lab and another one, 192.168.88.0/24 and fd88::/64. */
export async function addOtherNetwork({ lab }: OnLab): Promise<void> {
  await lab.switch.sysctl({ 'net/ipv4/ip_forward': 1, 'net/ipv6/conf/all/forwarding': 1 })
  await lab.switch.ipBatch(['address add 192.168.88.254/24 dev br0', 'address add fd88::fe/64 dev br0 nodad'])
}

/** As a DHCP client configures the uplink in the other network. */
export async function configureInOtherNetwork(
  host: Host,
  device = 'eth0',
  family: 'ipv4' | 'ipv6' = 'ipv4',
): Promise<void> {
  const [address, gateway] =
    family === 'ipv4' ? ['192.168.88.1/24', '192.168.88.254'] : ['fd88::1/64', 'fd88::fe']
  await host.ipBatch([
    `address add ${address} dev ${device}`,
    `route add default via ${gateway} dev ${device}`,
  ])
}
