import type { Driver } from '../contract/driver.js'
import type { NetworkConfig } from '../lease/network-config.js'
import type { AbortOptions } from '../util/abort.js'
import type { Clock } from '../util/clock.js'
import { isOverlayError, OverlayError } from '../util/errors.js'
import { isWithoutUplink, requireUplink } from './awaited-uplink.js'
import {
  type FoundInterface,
  findExternalInterface,
  placeOf,
  withUsedFamilies,
} from './external-interface.js'

export interface InterfaceWatchOptions {
  readonly drivers: readonly Driver[]
  readonly config: NetworkConfig
  readonly clock: Clock
  /** What is in force at first. */
  readonly found: FoundInterface
  /**
   * Puts in force what was found: the same place with another MTU, or another place. Throws for one that will not do;
   * then the one before stays in force.
   */
  readonly adopt: (found: FoundInterface) => void
  /** Called when the uplink is waited for for another reason than before. */
  readonly onAwaited: (why: string) => void
  /** Called when it is time for another look. */
  readonly lookAgain: () => void
  readonly onWarning: (text: string) => void
  readonly onError: (error: OverlayError) => void
  /** The interface is well again after this error. */
  readonly onRecovered: (error: OverlayError) => void
}

/**
 * How long an interface or its address has to be gone before the node moves: a DHCP client, a network manager that
 * restarts or an operator's script take an address away and give it back.
 */
const MOVE_DELAY_MS = 3_000

/** While the uplink is waited for: not every way in which one comes is a change that a driver reports. */
const AWAITED_LOOK_MS = 500

/**
 * Keeps the external interface in force, so that a node stays itself: its interface and addresses are kept while they
 * are there, and for a moment longer. What was known of one that is gone stands until another takes its place.
 */
export class InterfaceWatch {
  readonly #options: InterfaceWatchOptions
  #inForce: FoundInterface
  /** Since when another place would be chosen, on the clock that never jumps. */
  #goneSince: number | undefined
  #isLookDue = false
  #problem: string | undefined
  /** What was reported of it last. */
  #error: OverlayError | undefined
  #isAwaiting: boolean

  constructor(options: InterfaceWatchOptions) {
    this.#options = options
    this.#inForce = options.found
    this.#problem = options.found.awaited
    this.#isAwaiting = options.found.awaited !== undefined
  }

  /** Looks for an uplink that is waited for until it is there, or the signal aborts. Never rejects. */
  async awaitUplink(signal: AbortSignal): Promise<void> {
    while (this.#isAwaiting && !signal.aborted) {
      await this.look({ signal }).catch(() => undefined)
      if (this.#isAwaiting) {
        await this.#options.clock.sleep(AWAITED_LOOK_MS, { signal }).catch(() => undefined)
      }
    }
  }

  /** Looks at the interface now. Rejects only if the signal aborts. */
  async look(options: AbortOptions): Promise<void> {
    try {
      if (this.#isAwaiting) return await this.#lookForUplink(options)
      const current = withUsedFamilies(this.#inForce.externalInterface, this.#options.config)
      const found = await findExternalInterface(this.#options.drivers, { ...options, current })
      if (this.#isMove(found)) this.#considerMove(found, options)
      else this.#stay(found)
      this.#solved()
    } catch (error) {
      if (options.signal?.aborted) throw error
      // The time for which it is gone counts from here.
      if (isOverlayError(error, 'INTERFACE_NOT_FOUND')) this.#goneSince ??= this.#options.clock.monotonic()
      this.#report(error)
    }
  }

  async #lookForUplink(options: AbortOptions): Promise<void> {
    const { drivers, config, lookAgain } = this.#options
    const before = withUsedFamilies(this.#inForce.externalInterface, config)
    const found = await findExternalInterface(drivers, { ...options, previous: before })
    if (!this.#isAwaiting) return
    requireUplink(found.externalInterface, before, config)
    this.#adopt(found)
    this.#isAwaiting = false
    this.#solved()
    lookAgain()
  }

  #place({ externalInterface }: FoundInterface): string {
    return placeOf(withUsedFamilies(externalInterface, this.#options.config))
  }

  #isMove(found: FoundInterface): boolean {
    return this.#place(found) !== this.#place(this.#inForce)
  }

  #stay({ externalInterface }: FoundInterface): void {
    this.#goneSince = undefined
    const { externalInterface: before, origin } = this.#inForce
    // It is the one in force for the reason that it was chosen for, whatever holds today.
    const found = { ...externalInterface, reason: before.reason }
    if (JSON.stringify(found) !== JSON.stringify(before)) this.#adopt({ externalInterface: found, origin })
  }

  #considerMove(found: FoundInterface, { signal }: AbortOptions): void {
    const { clock, lookAgain, onWarning } = this.#options
    const now = clock.monotonic()
    this.#goneSince ??= now
    const waitMs = this.#goneSince + MOVE_DELAY_MS - now
    if (waitMs > 0) {
      if (this.#isLookDue) return
      this.#isLookDue = true
      const woken = clock.sleep(waitMs, { signal }).finally(() => {
        this.#isLookDue = false
      })
      woken.then(lookAgain, () => undefined)
      return
    }
    requireUplink(found.externalInterface, this.#inForce.externalInterface, this.#options.config)
    const [before, after] = [this.#place(this.#inForce), this.#place(found)]
    this.#adopt(found)
    this.#goneSince = undefined
    onWarning(`the external interface ${before} is gone: packets to peers leave by ${after} now`)
  }

  #adopt(found: FoundInterface): void {
    this.#options.adopt(found)
    this.#inForce = found
  }

  /** Once for each problem: it is looked at often. */
  #report(thrown: unknown): void {
    const error = OverlayError.from(thrown, 'INTERFACE_NOT_FOUND', 'looking at the external interface')
    if (error.message === this.#problem) return
    this.#problem = error.message
    if (this.#isAwaiting && isWithoutUplink(error)) this.#options.onAwaited(error.message)
    else {
      this.#error = error
      this.#options.onError(error)
    }
  }

  #solved(): void {
    const error = this.#error
    this.#problem = undefined
    this.#error = undefined
    if (error !== undefined) this.#options.onRecovered(error)
  }
}
