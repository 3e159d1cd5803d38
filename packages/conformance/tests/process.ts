import {
  type FakeClock,
  type FakeKernel,
  type FakeKernelDriver,
  type RequestRecord,
  seededRandom,
} from '@selvedge/conformance'
import type { Drift, OverlayError, OwnershipScope } from '@selvedge/core'
import { type KernelResource, Reconciler } from '@selvedge/core/kit'

/** Of the samples of `driverSuite`. */
const scope: OwnershipScope = {
  aliases: ['selvedge 10.99.0.0/16'],
  links: ['flannel.1'],
  networks: ['10.99.0.0/16', 'fd99::/48'],
}

/** One process, which reconciles until it is stopped. */
export class Process {
  readonly driver: FakeKernelDriver
  readonly reconciler: Reconciler
  readonly drifts: (readonly Drift[])[] = []
  readonly errors: OverlayError[] = []
  readonly #abort = new AbortController()
  readonly #running: Promise<void>

  constructor(
    kernel: FakeKernel,
    clock: FakeClock,
    desired: Readonly<Record<string, readonly KernelResource[]>>,
  ) {
    this.driver = kernel.driver()
    this.reconciler = new Reconciler({
      drivers: [this.driver],
      clock,
      random: seededRandom(1),
      resyncIntervalMs: 60_000,
      scope: () => scope,
      onDrift: (drift) => this.drifts.push(drift),
      onError: (error) => this.errors.push(error),
    })
    for (const [owner, resources] of Object.entries(desired)) this.reconciler.desired.set(owner, resources)
    this.#running = this.reconciler.run(this.#abort.signal)
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
    await this.driver[Symbol.asyncDispose]()
  }
}

/** The kinds in the order in which they were written, each once. */
function kindsOf(requests: readonly RequestRecord[], type: 'put' | 'delete'): readonly string[] {
  return [...new Set(requests.flatMap((one) => (one.type === type ? [one.resource.kind] : [])))]
}

export const putKinds = (requests: readonly RequestRecord[]): readonly string[] => kindsOf(requests, 'put')
export const deletedKinds = (requests: readonly RequestRecord[]): readonly string[] =>
  kindsOf(requests, 'delete')

/** Yields each time `again` resolves, until the signal aborts. */
export async function* until(signal: AbortSignal, again: () => Promise<void>): AsyncGenerator<void> {
  while (!signal.aborted) {
    await again().catch(() => undefined)
    yield
  }
}
