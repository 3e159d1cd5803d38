import type { Driver, OwnershipScope } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import { assertHolds, DEFAULT_TIMEOUT_MS, heldBy, within } from '../assertions.js'
import { SCOPE } from './samples.js'
import type { DriverFeatures, DriverSuiteOptions, HostUnderTest } from './types.js'

/** What a file of the suite declares its tests with. */
export interface DriverSection {
  readonly supports: DriverFeatures
  test(name: string, body: (host: TestHost) => Promise<void>): void
}

/** How long no event must come before it counts as never coming, in ms. */
const DEFAULT_QUIET_MS = 250

/** The host of one test, and what the tests ask of it. */
export class TestHost implements AsyncDisposable {
  readonly timeoutMs: number
  readonly quietMs: number
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
    {
      timeoutMs = DEFAULT_TIMEOUT_MS,
      quietMs = DEFAULT_QUIET_MS,
    }: Pick<DriverSuiteOptions, 'timeoutMs' | 'quietMs'>,
  ) {
    this.#host = host
    this.#tearDown = tearDown
    this.timeoutMs = timeoutMs
    this.quietMs = quietMs
  }

  async connect(): Promise<Driver<KernelResource>> {
    const driver = await this.#host.driver()
    this.#drivers.push(driver)
    return driver
  }

  /** Runs commands one after the other, as another process does. */
  async run(...commands: readonly string[]): Promise<void> {
    for (const command of commands) await this.#host.run(command)
  }

  async state(): Promise<string> {
    return await this.#host.state()
  }

  /** Waits for `promise`, and fails if it does not settle in time. */
  soon<T>(promise: Promise<T>, what: string): Promise<T> {
    return within(this.timeoutMs, promise, what)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const driver of this.#drivers) await driver[Symbol.asyncDispose]()
    } finally {
      await this.#tearDown()
    }
  }
}

/** Reads the resources of a scope (the samples' by default) by key, and fails if a key comes twice. */
export const held = (driver: Driver<KernelResource>, scope: OwnershipScope = SCOPE) => heldBy(driver, scope)

/** Fails unless exactly these are held. */
export const holds = (
  driver: Driver<KernelResource>,
  desired: readonly KernelResource[],
  scope: OwnershipScope = SCOPE,
): Promise<void> => assertHolds(driver, desired, scope)
