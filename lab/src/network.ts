import { join } from 'node:path'
import type { JsonValue, Lease } from '@selvedge/core'
import type { Family } from '@selvedge/core/kit'
import { LocalSubnetManager } from '@selvedge/store-local'
import { AgentProcess } from './agent-process.js'
import type { AgentSettings } from './agent-protocol.js'
import type { PeerEntries } from './damages.js'
import type { Host } from './host.js'
import type { Lab } from './lab.js'
import type { Pod } from './pod.js'

/** A host that has joined a network: its agent, and a pod. */
export interface Member {
  readonly host: Host
  /** The first one on this host; a test may kill it and start another. */
  readonly agent: AgentProcess
  readonly pod: Pod
  readonly lease: Lease
  /** Of the pod, in bytes. */
  readonly mtu: number
  /** Milliseconds from the start of the agent's process to its subnet.env. */
  readonly joinedAfter: number
}

export interface NetworkSettings
  extends Pick<AgentSettings, 'leaseTerm' | 'renewMargin' | 'ipMasq' | 'rekeySeconds'> {
  /** By the name of the host. */
  wireguard?: Readonly<Record<string, AgentSettings['wireguard']>>
  /** By the name of the host. */
  viciUri?: Readonly<Record<string, string>>
}

/** One overlay network over the hosts of a lab, with a store in a file that all of them share. */
export class Network {
  readonly #lab: Lab
  readonly #settings: Omit<AgentSettings, 'subnetEnv'>
  readonly #wireguard: NonNullable<NetworkSettings['wireguard']>
  readonly #viciUri: NonNullable<NetworkSettings['viciUri']>

  private constructor(lab: Lab, { wireguard = {}, viciUri = {}, ...settings }: NetworkSettings) {
    this.#lab = lab
    this.#settings = { store: join(lab.directory, 'store.mdb'), ...settings }
    this.#wireguard = wireguard
    this.#viciUri = viciUri
  }

  /** @param config the network config, as flannel writes it */
  static async create(lab: Lab, config: object, settings: NetworkSettings = {}): Promise<Network> {
    const network = new Network(lab, settings)
    await using subnets = network.subnets()
    await subnets.setNetworkConfig(config)
    return network
  }

  /** The store, as seen by this process. Dispose of it. */
  subnets(): LocalSubnetManager {
    return new LocalSubnetManager({ path: this.#settings.store })
  }

  /** Where a host's agent writes its subnet.env. */
  subnetEnvOf(host: Host): string {
    return join(this.#lab.directory, host.name, 'subnet.env')
  }

  /** Starts a host's agent. */
  startAgent(host: Host): AgentProcess {
    const own = { wireguard: this.#wireguard[host.name], viciUri: this.#viciUri[host.name] }
    return AgentProcess.start(host, { ...this.#settings, ...own, subnetEnv: this.subnetEnvOf(host) })
  }

  /** Starts a host's agent, and gives the host a pod once it has its lease. */
  async join(host: Host): Promise<Member> {
    const start = performance.now()
    const agent = this.startAgent(host)
    const { lease, mtu } = await agent.ready()
    const joinedAfter = performance.now() - start
    const subnets = [lease.subnet, lease.ipv6Subnet].filter((subnet) => subnet !== undefined)
    const pod = await host.addPod({ subnets, mtu })
    return { host, agent, pod, lease, mtu, joinedAfter }
  }

  /** All hosts of the lab join at once. Resolves once each has the routes to all the others. */
  async joinAll(): Promise<Member[]> {
    const { hosts } = this.#lab
    const members = await Promise.all(hosts.map((host) => this.join(host)))
    for (const member of members) {
      for (const peer of members) if (peer !== member) await member.agent.waitForPeer(peer.lease)
    }
    return members
  }
}

/** What a peer's lease adds to the others' kernels, in one family. */
export function entriesOf({ subnet, ipv6Subnet, attributes }: Lease, family: Family = 4): PeerEntries {
  const { publicIp, publicIpv6, backendData, backendV6Data } = attributes
  return family === 4
    ? { subnet: subnet ?? '', publicIp: publicIp ?? '', vtepMac: vtepMacOf(backendData) }
    : { subnet: ipv6Subnet ?? '', publicIp: publicIpv6 ?? '', vtepMac: vtepMacOf(backendV6Data) }
}

function vtepMacOf(data: JsonValue | undefined): string | undefined {
  if (typeof data !== 'object' || data === null || !('VtepMAC' in data)) return undefined
  return String(data.VtepMAC)
}
