import assert from 'node:assert/strict'
import {
  type Driver,
  type ErrorCode,
  isOverlayError,
  type Operation,
  type OperationResult,
  type OwnershipScope,
  type Resource,
} from '@selvedge/core'
import { satisfies } from '@selvedge/core/kit'

/** Asserts that `promise` rejects with an OverlayError of `code`. */
export async function rejectsWith(code: ErrorCode, promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(isOverlayError(error, code), `expected an OverlayError ${code}, got ${String(error)}`)
    return true
  })
}

/** What `promise` rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  const nothing = Symbol('nothing')
  const error = await promise.then(
    () => nothing,
    (reason: unknown) => reason,
  )
  assert.notEqual(error, nothing, 'it did not reject')
  return error
}

/** How long a step may take before it counts as failed, in ms, unless a suite's options say otherwise. */
export const DEFAULT_TIMEOUT_MS = 10_000

/** Waits for `promise`, and fails if it does not settle within so many ms. */
export async function within<T>(milliseconds: number, promise: PromiseLike<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `${what}: not within ${milliseconds} ms` })),
      milliseconds,
    )
  })
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Applies the operations, and fails unless every one succeeds. */
export async function done<R extends Resource>(
  driver: Driver<R>,
  operations: readonly Operation<R>[],
): Promise<readonly OperationResult[]> {
  const results = await driver.apply(operations)
  assert.equal(results.length, operations.length, 'one result for each operation')
  for (const [index, result] of results.entries()) {
    const { type, resource } = operations[index] ?? {}
    if (!result.ok) assert.fail(`${type} ${resource?.key} failed: ${result.error.message}`)
  }
  return results
}

/** Reads the resources of a scope by key, and fails if a key comes twice. */
export async function heldBy<R extends Resource>(
  driver: Driver<R>,
  scope: OwnershipScope,
): Promise<Map<string, R>> {
  const snapshot = await driver.snapshot(scope)
  const byKey = new Map(snapshot.map((resource) => [resource.key, resource]))
  assert.equal(byKey.size, snapshot.length, 'each key once')
  return byKey
}

/** Fails unless the driver holds exactly these resources. */
export async function assertHolds<R extends Resource>(
  driver: Driver<R>,
  desired: readonly R[],
  scope: OwnershipScope,
): Promise<void> {
  const actual = await heldBy(driver, scope)
  assert.deepEqual([...actual.keys()].toSorted(), desired.map(({ key }) => key).toSorted())
  for (const resource of desired) {
    const found = actual.get(resource.key)
    const text = () => `${resource.key} is ${JSON.stringify(found)}, not ${JSON.stringify(resource)}`
    assert.ok(found !== undefined && satisfies(found, resource), text())
  }
}

/** Fails unless the operation failed; returns its error. */
export function failed(result: OperationResult | undefined) {
  assert.ok(result !== undefined && !result.ok, 'the operation was said to succeed')
  assert.equal(result.error.name, 'OverlayError')
  return { ...result, errno: result.error.errno, code: result.error.code }
}
