import { isOverlayError, type PublicAddresses } from '@selvedge/core'
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

/**
 * The addresses that the store says this node has. They decide by which interface peers are reached, before anything
 * else is done; but a store that is away must not keep a node from starting on what it knew. Where they are others than
 * those in force, whether they could not be read or people have changed them, the agent starts anew.
 */
export class NodeAddresses {
  readonly #options: NodeAddressesOptions
  #inForce: PublicAddresses = {}
  /** What is in force was read for the attempt to start that comes next. */
  #isFresh = false

  constructor(options: NodeAddressesOptions) {
    this.#options = options
  }

  /** The settings with the addresses of the store in them, where it tells any. */
  async applyTo(settings: AgentSettings, signal: AbortSignal): Promise<AgentSettings> {
    const told = await this.#read(signal)
    this.#inForce = told ?? {}
    this.#isFresh = told !== undefined
    const { publicIp, publicIpv6 } = this.#inForce
    return {
      ...settings,
      publicIp: publicIp ?? settings.publicIp,
      publicIpv6: publicIpv6 ?? settings.publicIpv6,
    }
  }

  /** Before each attempt to start: reads them again, since they may be why the last one failed. */
  async check(signal: AbortSignal): Promise<void> {
    const told = this.#isFresh ? undefined : await this.#read(signal)
    this.#isFresh = false
    if (told === undefined) return
    this.observe(told)
    signal.throwIfAborted()
  }

  /** The store tells them. */
  observe(told: PublicAddresses): void {
    const { publicIp, publicIpv6 } = told
    if (publicIp === this.#inForce.publicIp && publicIpv6 === this.#inForce.publicIpv6) return
    this.#inForce = told
    this.#options.log('warn', 'the store says that this node has another address: starting anew', {
      publicIp: publicIp ?? 'as found',
      ...(publicIpv6 !== undefined && { publicIpv6 }),
    })
    this.#options.startAnew()
  }

  /** Undefined where they cannot be read. */
  async #read(signal: AbortSignal): Promise<PublicAddresses | undefined> {
    const { read } = this.#options
    if (read === undefined) return undefined
    try {
      return await read({ signal })
    } catch (error) {
      // Whatever it is, the start that follows meets it too, and tells it.
      if (!isOverlayError(error) && !signal.aborted) throw error
      return undefined
    }
  }
}
