import { Lab, type LabOptions } from '@selvedge/lab'
import { Etcd } from './etcd.js'
import { type Joined, joinAll } from './join-all.js'
import { Selvedged, type SelvedgedOptions } from './selvedged.js'

/** The switch of a lab, which all hosts reach; the store's server runs there. */
export const SWITCH_ADDRESS = '192.168.77.254'

export const vxlanConfig = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

export interface RigOptions extends LabOptions {
  /**
   * An address of etcd's that no host has on its own network: it is reached by way of the switch, each host's gateway.
   * Default: the switch's own address.
   */
  readonly etcdAddress?: string
}

/** Hosts on a switch, and an etcd that they all reach. */
export class Rig implements AsyncDisposable {
  readonly lab: Lab
  readonly etcd: Etcd

  private constructor(lab: Lab, etcd: Etcd) {
    this.lab = lab
    this.etcd = etcd
  }

  /** @param config the network config to begin with; none if absent */
  static async create(
    config: object | undefined,
    { etcdAddress, ...options }: RigOptions = {},
  ): Promise<Rig> {
    const lab = await Lab.create({ hosts: 2, ...options })
    try {
      if (etcdAddress !== undefined) await lab.switch.ip('address', 'add', etcdAddress, 'dev', 'lo')
      const etcd = new Etcd(lab.switch, etcdAddress ?? SWITCH_ADDRESS, lab.directory)
      await etcd.start()
      if (config !== undefined) await etcd.putConfig(config)
      return new Rig(lab, etcd)
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Starts the agent of the `index`th host. */
  start(index: number, options: SelvedgedOptions = {}): Selvedged {
    return Selvedged.start(this.lab, this.lab.host(index), this.etcd.endpoint, options)
  }

  /** All hosts join; each has a pod. */
  joinAll(options: SelvedgedOptions = {}): Promise<Joined> {
    return joinAll(this, options)
  }

  /** From now on all packets from the switch to the host are dropped, etcd's answers among them. */
  async cutOffFromEtcd(index: number): Promise<void> {
    await this.lab.switch.ip('route', 'add', 'blackhole', this.#address(index))
  }

  async reconnectToEtcd(index: number): Promise<void> {
    await this.lab.switch.ip('route', 'delete', 'blackhole', this.#address(index))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]()
  }

  #address(index: number): string {
    const [address = ''] = this.lab.host(index).addresses
    return `${address}/32`
  }
}
