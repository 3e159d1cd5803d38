import { isOverlayError, type LeaseAttributes } from '@selvedge/core'
import type { AgentSettings } from './command-line/settings.js'
import type { Logger } from './logging/logger.js'
import type { OpenStore } from './stores/store.js'

export interface NodeAddressesOptions {
  /** Absent for a store that says nothing of nodes' addresses. */
  readonly read: OpenStore['nodeAddresses']
  readonly log: Logger
  /** What was taken for this node's addresses is wrong. */
  readonly startAnew: () => void
}

type Addresses = Pick<LeaseAttributes, 'publicIp' | 'publicIpv6'>

/**
 * The addresses that the store says this node has. They decide by which interface peers are reached, before anything
 * else is done; but a store that is away must not keep a node from starting on what it knew. Then they are read later,
 * and where that tells of any the agent starts anew.
 */
export class NodeAddresses {
  readonly #options: NodeAddressesOptions
  #known: boolean

  constructor(options: NodeAddressesOptions) {
    this.#options = options
    this.#known = options.read === undefined
  }

  /** The settings with the addresses of the store in them, where it tells any. */
  async applyTo(settings: AgentSettings, signal: AbortSignal): Promise<AgentSettings> {
    const { publicIp, publicIpv6 } = await this.#read(signal)
    return {
      ...settings,
      publicIp: publicIp ?? settings.publicIp,
      publicIpv6: publicIpv6 ?? settings.publicIpv6,
    }
  }

  /** Reads them where they could not be read before. */
  async check(signal: AbortSignal): Promise<void> {
    if (this.#known) return
    const { publicIp, publicIpv6 } = await this.#read(signal)
    if (publicIp === undefined && publicIpv6 === undefined) return
    this.#options.log('warn', 'the store says that this node has another address: starting anew', {
      ...(publicIp !== undefined && { publicIp }),
      ...(publicIpv6 !== undefined && { publicIpv6 }),
    })
    this.#options.startAnew()
    signal.throwIfAborted()
  }

  async #read(signal: AbortSignal): Promise<Addresses> {
    try {
      const addresses = await this.#options.read?.({ signal })
      this.#known = true
      return addresses ?? {}
    } catch (error) {
      // Whatever it is, the start that follows meets it too, and tells it.
      if (!isOverlayError(error) && !signal.aborted) throw error
      return {}
    }
  }
}
