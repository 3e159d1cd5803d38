import type { Operation, Program } from '../contract/driver.js'
import type { Clock } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import { programText } from './contests.js'
import type { DeltaTracker } from './delta-tracker.js'
import type { DriverSet } from './driver-set.js'
import { inPhases, type Phase } from './order.js'
import { SyncTally } from './sync-tally.js'

export interface WriteRoundOptions {
  readonly tracker: DeltaTracker
  readonly drivers: DriverSet
  readonly clock: Clock
  /** Reads the actual state again in between: a write has put it in doubt. */
  readonly readAgain: () => Promise<void>
  /** Asks for a read in the next round: a write met a link that is gone. */
  readonly readLater: () => void
  /** Whose change was noticed last; undefined if that is not known. */
  readonly changedBy: () => Program | undefined
  /** Called if another program keeps changing what is written, once for each fight. */
  readonly onContest: (error: OverlayError) => void
}

/**
 * One round of writes: takes what differs, writes it phase by phase, and reads again whenever a write has put the actual
 * state in doubt, until nothing is left. The same is written at most once a round: a key that still differs after that
 * did not hold, and counts as failed. One that is desired otherwise by then, since the read found another MTU of the
 * parent, is written again.
 */
export class WriteRound {
  readonly #options: WriteRoundOptions
  readonly #tally = new SyncTally()
  /** The last write of each key. */
  readonly #written = new Map<string, Operation>()

  constructor(options: WriteRoundOptions) {
    this.#options = options
  }

  /** Rejects if the signal aborts or `readAgain` does. */
  async run(signal: AbortSignal): Promise<SyncTally> {
    while (await this.#writePhases(inPhases(this.#take()), signal)) await this.#options.readAgain()
    return this.#tally
  }

  #take(): readonly Operation[] {
    const { tracker, clock, changedBy, onContest } = this.#options
    const { operations, didNotHold } = tracker.take(clock.monotonic(), this.#written)
    const by = changedBy()
    for (const operation of didNotHold) this.#fail(operation, lostItsEffect(operation, by))
    const { error } = tracker.contest(
      didNotHold.map(({ resource }) => resource.key),
      clock.monotonic(),
      by,
    )
    if (error !== undefined) onContest(error)
    return operations
  }

  /** @returns whether it stopped early, because the actual state is in doubt now */
  async #writePhases(phases: readonly Phase[], signal: AbortSignal): Promise<boolean> {
    for (const [index, phase] of phases.entries()) {
      if (await this.#apply(phase, signal)) {
        for (const { operations } of phases.slice(index + 1)) this.#options.tracker.putBack(operations)
        return true
      }
    }
    return false
  }

  /** @returns whether the actual state is in doubt now */
  async #apply({ operations }: Phase, signal: AbortSignal): Promise<boolean> {
    const { tracker, drivers, readLater } = this.#options
    let stale = false
    for (const { operation, result } of await drivers.apply(operations, signal)) {
      const { resource } = operation
      this.#written.set(resource.key, operation)
      if (!result.ok) {
        this.#fail(operation, result.error)
        // A link that is gone: read again, but in the next round, so that a fault that lasts cannot hold this one.
        if (result.stale) readLater()
        continue
      }
      this.#tally.count(operation)
      tracker.succeeded(operation)
      if (resource.kind === 'link') tracker.retryNow()
      stale ||= result.stale ?? false
    }
    return stale
  }

  #fail(operation: Operation, error: OverlayError): void {
    const { tracker, clock } = this.#options
    tracker.failed(operation, error, clock.monotonic())
    this.#tally.fail(operation.resource, error)
  }
}

function lostItsEffect({ type, resource }: Operation, by: Program | undefined): OverlayError {
  const advice =
    by === undefined
      ? 'look for another program that changes it'
      : by.isThisProcess === true
        ? 'this process itself changes it: two overlays in one process need two networks and two links'
        : `the last to change such entries was ${programText(by)}`
  return new OverlayError(
    'DRIVER_REFUSED',
    `${type} ${resource.key} succeeded, yet the next read differs: ${advice}`,
  )
}
