import { Lab, type LabOptions } from '@selvedge/lab'
import { type AgentHosts, type Joined, joinAll } from './join-all.js'
import { Nats } from './nats.js'
import { SWITCH_ADDRESS } from './rig.js'
import { Selvedged, type SelvedgedOptions } from './selvedged.js'

/** Hosts on a switch, and a nats-server that they all reach. */
export class NatsRig implements AgentHosts, AsyncDisposable {
  readonly lab: Lab
  readonly nats: Nats

  private constructor(lab: Lab, nats: Nats) {
    this.lab = lab
    this.nats = nats
  }

  /** @param config the network config to begin with; none if absent */
  static async create(config: object | undefined, options: LabOptions = {}): Promise<NatsRig> {
    const lab = await Lab.create({ hosts: 2, ...options })
    try {
      const nats = new Nats(lab.switch, SWITCH_ADDRESS, lab.directory)
      await nats.start()
      if (config !== undefined) await nats.setConfig(config)
      return new NatsRig(lab, nats)
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Starts the agent of the `index`th host. */
  start(index: number, options: SelvedgedOptions = {}): Selvedged {
    return Selvedged.start(this.lab, this.lab.host(index), '', { store: this.nats.flags, ...options })
  }

  /** All hosts join; each has a pod. */
  joinAll(options: SelvedgedOptions = {}): Promise<Joined> {
    return joinAll(this, options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]()
  }
}
