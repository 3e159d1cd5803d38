import { type Clock, OverlayError, type PublicAddresses, type Random } from '@selvedge/core'
import { backoffDelay, type FamilyParts, Wakeup } from '@selvedge/core/kit'
import type { NodeRecord } from './client/index.js'
import { addressSetByOperator, nodeAddresses } from './operator-addresses.js'

export interface AddressPublisherOptions {
  /** Writes the addresses that the node should publish, if they differ. Returns true if it wrote. */
  readonly publish: (node: NodeRecord, signal: AbortSignal) => Promise<boolean>
  readonly families: readonly FamilyParts[]
  /** Called with the addresses that operators declare for the node, at first and when they change. */
  readonly onNodeAddresses?: ((addresses: PublicAddresses) => void) | undefined
  readonly onError: (error: Error) => void
  readonly clock: Clock
  readonly random: Random
}

const BACKOFF = { firstMs: 1_000, maxMs: 30_000 }

/** Two writers that disagree on an annotation overwrite each other once a second, not at full speed. */
const MIN_WRITE_INTERVAL_MS = 1_000

/**
 * Keeps the public addresses that this node publishes correct while operators set, change or remove the annotations that
 * override them. The overlay cannot do it: it recognises its own record by the public address, and would take it for
 * another node's.
 */
export class AddressPublisher {
  readonly #options: AddressPublisherOptions
  readonly #wakeup = new Wakeup()
  #node: NodeRecord | undefined
  /** The last reported fault in what operators have set. */
  #fault = ''
  /** The last reported addresses of the node. */
  #addresses: PublicAddresses | undefined

  constructor(options: AddressPublisherOptions) {
    this.#options = options
  }

  /** Takes this node's record as the watch has just delivered it. */
  observe(node: NodeRecord): void {
    this.#node = node
    this.#reportFaults(node)
    this.#reportAddresses(nodeAddresses(node))
    this.#wakeup.wake()
  }

  /** Runs until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, publish, onError } = this.#options
    let failures = 0
    while (!signal.aborted) {
      try {
        const pause = failures === 0 ? Number.POSITIVE_INFINITY : backoffDelay(failures, BACKOFF, random)
        await this.#wakeup.sleep(pause, clock, signal)
        const wrote = this.#node !== undefined && (await publish(this.#node, signal))
        failures = 0
        if (wrote) await clock.sleep(MIN_WRITE_INTERVAL_MS, { signal })
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        onError(OverlayError.from(error, 'STORE_UNAVAILABLE', "publishing this node's addresses"))
      }
    }
  }

  #reportAddresses(addresses: PublicAddresses): void {
    const { publicIp, publicIpv6 } = addresses
    const reported = this.#addresses
    if (reported !== undefined && reported.publicIp === publicIp && reported.publicIpv6 === publicIpv6) return
    this.#addresses = addresses
    this.#options.onNodeAddresses?.(addresses)
  }

  /** Reports what operators have set that is not an address, once. */
  #reportFaults(node: NodeRecord): void {
    const faults: Error[] = []
    for (const parts of this.#options.families)
      addressSetByOperator(node, parts, (error) => faults.push(error))
    const fault = faults.map(({ message }) => message).join('; ')
    if (fault === this.#fault) return
    this.#fault = fault
    for (const error of faults) this.#options.onError(error)
  }
}
