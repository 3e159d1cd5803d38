import { isOverlayError, type PublicAddresses } from '@selvedge/core'
import type { AgentSettings } from './command-line/settings.js'
import type { Logger } from './logging/logger.js'
import type { OpenStore } from './stores/store.js'

export interface NodeAddressesOptions {
  /** Undefined for a store that assigns no addresses. */
  readonly read: OpenStore['nodeAddresses']
  readonly log: Logger
  /** Called if the addresses in force are not the assigned ones. */
  readonly restart: () => void
}

/**
 * The addresses that the store assigns to this node. They decide which interface leads to peers, so they are read before
 * anything else; but a store that is unavailable must not keep a node from starting on what it knew. If they turn out to
 * differ from those in force, because they could not be read or because an operator changed them, the agent restarts.
 */
export class NodeAddresses {
  readonly #options: NodeAddressesOptions
  #inForce: PublicAddresses = {}
  /** They were just read, for the first attempt to start. */
  #isFresh = false

  constructor(options: NodeAddressesOptions) {
    this.#options = options
  }

  /** The settings with the assigned addresses, if there are any. */
  async applyTo(settings: AgentSettings, signal: AbortSignal): Promise<AgentSettings> {
    const assigned = await this.#read(signal)
    this.#inForce = assigned ?? {}
    this.#isFresh = assigned !== undefined
    const { publicIp, publicIpv6 } = this.#inForce
    return {
      ...settings,
      publicIp: publicIp ?? settings.publicIp,
      publicIpv6: publicIpv6 ?? settings.publicIpv6,
    }
  }

  /** Called before each attempt to start: reads them again, since they may be why the last one failed. */
  async check(signal: AbortSignal): Promise<void> {
    const assigned = this.#isFresh ? undefined : await this.#read(signal)
    this.#isFresh = false
    if (assigned === undefined) return
    this.observe(assigned)
    signal.throwIfAborted()
  }

  /** Called with what the store assigns now. */
  observe(assigned: PublicAddresses): void {
    const { publicIp, publicIpv6 } = assigned
    if (publicIp === this.#inForce.publicIp && publicIpv6 === this.#inForce.publicIpv6) return
    this.#inForce = assigned
    this.#options.log('warn', 'the store assigns another address to this node: restarting', {
      publicIp: publicIp ?? 'as found',
      ...(publicIpv6 !== undefined && { publicIpv6 }),
    })
    this.#options.restart()
  }

  /** Undefined if they cannot be read. */
  async #read(signal: AbortSignal): Promise<PublicAddresses | undefined> {
    const { read } = this.#options
    if (read === undefined) return undefined
    try {
      return await read({ signal })
    } catch (error) {
      // The start that follows meets the same error, and reports it.
      if (!isOverlayError(error) && !signal.aborted) throw error
      return undefined
    }
  }
}
