import type { Driver, Operation, OperationResult, OwnershipScope, Program } from '../contract/driver.js'
import type { Resource } from '../contract/resource.js'
import type { DriverTraffic } from '../contract/traffic.js'
import type { AbortOptions } from '../util/abort.js'
import type { Clock, Random } from '../util/clock.js'
import { OverlayError } from '../util/errors.js'
import { backoffDelay } from '../util/retry.js'
import type { Slices } from '../util/slices.js'

/** An operation and its result. */
export interface AppliedOperation {
  readonly operation: Operation
  readonly result: OperationResult
}

export interface DriverWatchOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly random: Random
  /** @param by the program that the driver named */
  readonly onChange: (by?: Program) => void
  readonly onError: (error: OverlayError) => void
}

/** A watch that ended is reopened after 100 ms to 10 s. */
const REWATCH_BACKOFF = { firstMs: 100, maxMs: 10_000 }

/** All drivers of an overlay as one: each resource goes to the driver of its kind. */
export class DriverSet {
  readonly #drivers: readonly Driver[]
  readonly #byKind = new Map<string, Driver>()

  /** @throws TypeError if two drivers hold resources of one kind */
  constructor(drivers: readonly Driver[]) {
    this.#drivers = drivers
    for (const driver of drivers) {
      for (const kind of driver.kinds) {
        const rival = this.#byKind.get(kind)
        if (rival !== undefined) {
          throw new TypeError(
            `two drivers, '${rival.name}' and '${driver.name}', both hold resources of kind '${kind}'`,
          )
        }
        this.#byKind.set(kind, driver)
      }
    }
  }

  /** Of those that move packets themselves. */
  get traffic(): readonly DriverTraffic[] {
    return this.#drivers.flatMap((driver) => {
      const traffic = driver.traffic?.()
      return traffic === undefined ? [] : [{ driver: driver.name, ...traffic }]
    })
  }

  /** Everything of ours that any of them holds, by key. */
  async snapshot(
    scope: OwnershipScope,
    options: AbortOptions,
    slices?: Slices,
  ): Promise<Map<string, Resource>> {
    const snapshots = await Promise.all(this.#drivers.map((driver) => driver.snapshot(scope, options)))
    const actual = new Map<string, Resource>()
    for (const snapshot of snapshots) {
      for (const resource of snapshot) {
        if (slices?.isOver()) await slices.turn(options)
        actual.set(resource.key, resource)
      }
    }
    return actual
  }

  /** Passes each operation to the driver of its kind. Rejects only if the signal aborts. */
  async apply(operations: readonly Operation[], signal: AbortSignal): Promise<readonly AppliedOperation[]> {
    const batches = new Map<Driver | undefined, Operation[]>()
    for (const operation of operations) {
      const driver = this.#byKind.get(operation.resource.kind)
      const batch = batches.get(driver)
      if (batch === undefined) batches.set(driver, [operation])
      else batch.push(operation)
    }
    const applied: AppliedOperation[] = []
    for (const [driver, batch] of batches) {
      const results = driver === undefined ? [] : await applyBatch(driver, batch, signal)
      for (const [index, operation] of batch.entries()) {
        const result = results[index] ?? { ok: false, error: unanswered(driver, operation) }
        applied.push({ operation, result })
      }
    }
    return applied
  }

  /** Calls `onChange` for every event of any driver, until the signal aborts. Never rejects. */
  async watch(options: DriverWatchOptions): Promise<void> {
    await Promise.all(this.#drivers.map((driver) => watchForEver(driver, options)))
  }
}

/** A driver's results. If it rejects, every operation has failed with that error. */
async function applyBatch(
  driver: Driver,
  operations: readonly Operation[],
  signal: AbortSignal,
): Promise<readonly OperationResult[]> {
  try {
    return await driver.apply(operations, { signal })
  } catch (thrown) {
    if (signal.aborted) throw thrown
    const error = OverlayError.from(
      thrown,
      'DRIVER_REFUSED',
      `applying changes through driver '${driver.name}'`,
    )
    return operations.map(() => ({ ok: false, error, stale: true }))
  }
}

async function watchForEver(driver: Driver, options: DriverWatchOptions): Promise<void> {
  const { signal, clock, random, onChange, onError } = options
  for (let failures = 1; driver.watch !== undefined && !signal.aborted; failures += 1) {
    try {
      for await (const { by } of driver.watch({ signal })) {
        failures = 0
        onChange(by)
      }
    } catch (error) {
      if (signal.aborted) return
      onError(OverlayError.from(error, 'DRIVER_REFUSED', `watching through driver '${driver.name}'`))
    }
    await clock
      .sleep(backoffDelay(Math.max(1, failures), REWATCH_BACKOFF, random), { signal })
      .catch(() => undefined)
    // Changes were missed in between.
    if (!signal.aborted) onChange()
  }
}

function unanswered(driver: Driver | undefined, { type, resource }: Operation): OverlayError {
  if (driver === undefined) {
    return new OverlayError(
      'UNSUPPORTED',
      `no driver holds resources of kind '${resource.kind}', so ${resource.key} cannot be: add one to the overlay's drivers`,
    )
  }
  return new OverlayError(
    'DRIVER_REFUSED',
    `driver '${driver.name}' did not answer to: ${type} ${resource.key}`,
  )
}
