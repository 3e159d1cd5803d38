import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Child, Host, Pod } from '@selvedge/lab'
import { Rig, type RigOptions, vxlanConfig } from '../../rig.js'
import { controlSocketOf, filesOf, type Selvedged, type SelvedgedOptions } from '../../selvedged.js'
import { untilAllReach } from '../../until-all-reach.js'
import { holdMounts } from '../mount-holder.js'
import { mountsOf, PRIVATE_RUN, prepare, Ward, type WardParts } from './ward.js'

export interface BenchOptions extends RigOptions {
  /** The flags that name another store than etcd. */
  readonly store?: (rig: Rig) => Promise<readonly string[]>
  /** Of the agents' environments, each with files of its host that they name. */
  readonly variables?: (rig: Rig, host: Host) => Promise<Readonly<Record<string, string>>>
}

/** Two hosts with agents and a pod each; the first is examined. */
export class Bench extends Ward {
  readonly rig: Rig
  readonly agents: Selvedged[]
  readonly pods: readonly Pod[]
  /** Of the leases: the examined host's, and its peer's. */
  readonly subnets: readonly string[]
  /** Of the host's agent. */
  readonly agentOptions: SelvedgedOptions
  /** Of the peer's. */
  readonly peerOptions: SelvedgedOptions
  readonly #peerHolder: Child

  private constructor(
    parts: WardParts &
      Pick<Bench, 'rig' | 'agents' | 'pods' | 'subnets' | 'agentOptions' | 'peerOptions'> & {
        readonly peerHolder: Child
      },
  ) {
    super(parts)
    this.rig = parts.rig
    this.agents = parts.agents
    this.pods = parts.pods
    this.subnets = parts.subnets
    this.agentOptions = parts.agentOptions
    this.peerOptions = parts.peerOptions
    this.#peerHolder = parts.peerHolder
  }

  static async create(
    config: object | undefined = vxlanConfig,
    { store, variables, ...options }: BenchOptions = {},
  ): Promise<Bench> {
    const rig = await Rig.create(config, options)
    try {
      const { lab, etcd } = rig
      const host = lab.host(0)
      const { subnetFile, leaseCache } = filesOf(lab, host)
      await mkdir(dirname(subnetFile), { recursive: true })
      const storeFlags = (await store?.(rig)) ?? [`--etcd-endpoints=${etcd.endpoint}`]
      const flags = [
        ...storeFlags,
        `--subnet-file=${subnetFile}`,
        `--lease-cache=${leaseCache}`,
        `--control-socket=${controlSocketOf(subnetFile)}`,
        '--iptables-forward-rules=false',
        '--ip-masq',
      ]
      const parts = await prepare(lab, host, flags, [`FLANNELD_ETCD_ENDPOINTS=${etcd.endpoint}`])
      const common: SelvedgedOptions = {
        args: ['--ip-masq', '--probe-peers'],
        store: storeFlags,
        wrapper: ['nsenter', ...mountsOf(parts.holder), '--'],
      }
      const peerHolder = await holdMounts(lab.host(1), PRIVATE_RUN)
      const [own = {}, peers = {}] = await Promise.all(lab.hosts.map((each) => variables?.(rig, each)))
      const agent: SelvedgedOptions = { ...common, variables: own }
      const peer: SelvedgedOptions = {
        ...common,
        wrapper: ['nsenter', ...mountsOf(peerHolder), '--'],
        variables: peers,
      }
      const agents = [rig.start(0, agent), rig.start(1, peer)]
      const pods = await Promise.all(agents.map((each) => each.addPod()))
      await Promise.all(agents.map((each) => each.inSync()))
      await untilAllReach([...pods, ...lab.hosts], pods)
      const files = await Promise.all(agents.map((each) => each.subnetEnv()))
      const subnets = files.map(({ subnet = '' }) => subnet.replace(/\.\d+\//, '.0/'))
      return new Bench({
        ...parts,
        rig,
        agents,
        pods,
        subnets,
        agentOptions: agent,
        peerOptions: peer,
        peerHolder,
      })
    } catch (error) {
      await rig[Symbol.asyncDispose]()
      throw error
    }
  }

  get peer(): Host {
    return this.rig.lab.host(1)
  }

  /** The agent of the host. */
  get agent(): Selvedged {
    const [agent] = this.agents
    if (agent === undefined) throw new Error('no agent')
    return agent
  }

  get subnet(): string {
    return this.subnets[0] ?? ''
  }

  get peerSubnet(): string {
    return this.subnets[1] ?? ''
  }

  /** A part of the peer's subnet: `peerPart('128/25')` is its upper half. */
  peerPart(part: string): string {
    return this.peerSubnet.replace(/\.0\/24$/, `.${part}`)
  }

  etcdctl(...args: readonly string[]): Promise<string> {
    return this.rig.lab.switch.exec('etcdctl', [`--endpoints=${this.rig.etcd.endpoint}`, ...args])
  }

  async startAgent(): Promise<void> {
    this.beginAgent()
    await this.agent.inSync()
    await this.agent.ready()
  }

  /** Ends the peer's agent, what a command ends besides, and starts another, which reads the config again. */
  async restartPeer(end: string): Promise<void> {
    await this.agents[1]?.kill()
    await this.peer.exec('nsenter', [...mountsOf(this.#peerHolder), '--', 'sh', '-ec', end])
    this.agents[1] = this.rig.start(1, this.peerOptions)
    await this.agents[1].logged('subnet.env is written', { timeout: 30_000 })
  }

  /** Starts the agent, and does not wait until it is well. */
  beginAgent(): void {
    this.agents[0] = this.rig.start(0, this.agentOptions)
  }
}
