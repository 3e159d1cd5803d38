import { type Clock, OverlayError, type PublicAddresses, type Random } from '@selvedge/core'
import { backoffDelay, type FamilyParts, Wakeup } from '@selvedge/core/kit'
import type { NodeRecord } from './client/node-record.js'
import { addressSetByPeople, nodeAddresses } from './node-lease.js'

export interface OwnAddressesOptions {
  /** Writes what the node should publish of its addresses, if that is not what it does; true where it wrote. */
  readonly mend: (node: NodeRecord, signal: AbortSignal) => Promise<boolean>
  readonly families: readonly FamilyParts[]
  /** Told of the addresses that people say the node has, at first and where they are others than before. */
  readonly onNodeAddresses?: ((addresses: PublicAddresses) => void) | undefined
  readonly onError: (error: Error) => void
  readonly clock: Clock
  readonly random: Random
}

const BACKOFF = { firstMs: 1_000, maxMs: 30_000 }

/** Two that write one annotation in turn do so once a second, not at full speed. */
const PAUSE = 1_000

/**
 * Keeps the public addresses that this node publishes what they should be while people set, change or remove the
 * annotations that overrule them. It is done here and not by the overlay, which knows a node by its public address and
 * would take its own record for that of another.
 */
export class OwnAddresses {
  readonly #options: OwnAddressesOptions
  readonly #wakeup = new Wakeup()
  #node: NodeRecord | undefined
  /** What was last told to be wrong with what people set. */
  #fault = ''
  /** What was last told to be the node's addresses. */
  #addresses: PublicAddresses | undefined

  constructor(options: OwnAddressesOptions) {
    this.#options = options
  }

  /** This node's record, as the watch just told it. */
  observe(node: NodeRecord): void {
    this.#node = node
    this.#check(node)
    this.#tell(nodeAddresses(node))
    this.#wakeup.wake()
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, mend, onError } = this.#options
    let failures = 0
    while (!signal.aborted) {
      try {
        const pause = failures === 0 ? Number.POSITIVE_INFINITY : backoffDelay(failures, BACKOFF, random)
        await this.#wakeup.sleep(pause, clock, signal)
        const wrote = this.#node !== undefined && (await mend(this.#node, signal))
        failures = 0
        if (wrote) await clock.sleep(PAUSE, { signal })
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        onError(OverlayError.from(error, 'STORE_UNAVAILABLE', "publishing this node's addresses"))
      }
    }
  }

  #tell(addresses: PublicAddresses): void {
    const { publicIp, publicIpv6 } = addresses
    const told = this.#addresses
    if (told !== undefined && told.publicIp === publicIp && told.publicIpv6 === publicIpv6) return
    this.#addresses = addresses
    this.#options.onNodeAddresses?.(addresses)
  }

  /** Tells of an address that people set and that is none, once. */
  #check(node: NodeRecord): void {
    const faults: Error[] = []
    for (const parts of this.#options.families) addressSetByPeople(node, parts, (error) => faults.push(error))
    const fault = faults.map(({ message }) => message).join('; ')
    if (fault === this.#fault) return
    this.#fault = fault
    for (const error of faults) this.#options.onError(error)
  }
}
