import assert from 'node:assert/strict'
import {
  type Driver,
  type KernelResource,
  type Operation,
  type OperationResult,
  type OwnershipScope,
  type Resource,
  satisfies,
} from '@selvedge/core'
import { SCOPE } from './samples.js'
import type { DriverFeatures, DriverSuiteOptions, HostUnderTest } from './suite.js'

/** Where the tests of one subject are declared. */
export interface DriverSection {
  readonly supports: DriverFeatures
  test(name: string, body: (host: TestHost) => Promise<void>): void
}

export const PATIENCE = 10_000
const QUIET = 250

export const puts = (...resources: readonly KernelResource[]): Operation<KernelResource>[] =>
  resources.map((resource) => ({ type: 'put', resource }))

export const deletes = (...resources: readonly KernelResource[]): Operation<KernelResource>[] =>
  resources.map((resource) => ({ type: 'delete', resource }))

/** The host of one test, and what the tests ask of it. */
export class TestHost implements AsyncDisposable {
  readonly patience: number
  readonly quiet: number
  readonly #host: HostUnderTest
  readonly #tearDown: () => unknown
  readonly #drivers: Driver<KernelResource>[] = []

  static async setUp<H extends HostUnderTest>(options: DriverSuiteOptions<H>): Promise<TestHost> {
    const host = await options.setup()
    return new TestHost(host, () => options.teardown?.(host), options)
  }

  private constructor(
    host: HostUnderTest,
    tearDown: () => unknown,
    { patience = PATIENCE, quiet = QUIET }: Pick<DriverSuiteOptions, 'patience' | 'quiet'>,
  ) {
    this.#host = host
    this.#tearDown = tearDown
    this.patience = patience
    this.quiet = quiet
  }

  async connect(): Promise<Driver<KernelResource>> {
    const driver = await this.#host.driver()
    this.#drivers.push(driver)
    return driver
  }

  /** Does as somebody else, one command after the other. */
  async run(...commands: readonly string[]): Promise<void> {
    for (const command of commands) await this.#host.run(command)
  }

  async state(): Promise<string> {
    return await this.#host.state()
  }

  /** Waits for what must come, and fails where it does not. */
  soon<T>(promise: Promise<T>, what: string): Promise<T> {
    return within(this.patience, promise, what)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const driver of this.#drivers) await driver[Symbol.asyncDispose]()
    } finally {
      await this.#tearDown()
    }
  }
}

/** Waits so many ms for what must come, and fails where it does not. */
export async function within<T>(milliseconds: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `${what}: not within ${milliseconds} ms` })),
      milliseconds,
    )
  })
  return await Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** Applies, and demands that every operation succeeds. */
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

/** Reads what is held, and demands that no key comes twice. */
export async function held<R extends Resource>(
  driver: Driver<R>,
  scope: OwnershipScope = SCOPE,
): Promise<Map<string, R>> {
  const snapshot = await driver.snapshot(scope)
  const byKey = new Map(snapshot.map((resource) => [resource.key, resource]))
  assert.equal(byKey.size, snapshot.length, 'each key once')
  return byKey
}

/** Demands that exactly this is held: each resource as wished, and nothing else. */
export async function holds<R extends Resource>(
  driver: Driver<R>,
  wishes: readonly R[],
  scope: OwnershipScope = SCOPE,
): Promise<void> {
  const actual = await held(driver, scope)
  assert.deepEqual([...actual.keys()].toSorted(), wishes.map(({ key }) => key).toSorted())
  for (const wish of wishes) {
    const resource = actual.get(wish.key)
    const text = () => `${wish.key} is ${JSON.stringify(resource)}, not ${JSON.stringify(wish)}`
    assert.ok(resource !== undefined && satisfies(resource, wish), text())
  }
}

/** Demands that an operation failed, and returns its error. */
export function failed(result: OperationResult | undefined) {
  assert.ok(result !== undefined && !result.ok, 'the operation was said to succeed')
  assert.equal(result.error.name, 'OverlayError')
  return { ...result, errno: result.error.errno, code: result.error.code }
}
