import type { Driver, OwnershipScope, Resource } from '@selvedge/core'
import type { NotInferred } from '../not-inferred.js'
import type { SharedHolderSuiteOptions, SharedHolderUnderTest } from '../shared-holder/index.js'

/** A fresh holder of resources (a tunnel's peers, a cloud's routes), as a test of the suite finds it. */
export interface ResourcesUnderTest<R extends Resource> {
  /** Opens another driver, as another process would. The suite disposes of it. */
  driver(): Driver<R> | Promise<Driver<R>>
  /** What `snapshot` is asked with: all that is ours, and nothing foreign. */
  readonly scope: OwnershipScope
  /** Two or more, of every kind that the driver holds, in an order in which they can be put. */
  readonly samples: readonly R[]
  /** Some of the same keys with other fields. Absent if a resource is nothing but its key. */
  readonly changed?: readonly R[]
  /** One that the holder refuses. Absent if it accepts everything. */
  readonly refused?: R
  /** Deletes a sample, as another process would. */
  remove(sample: R): unknown
  /** Adds something that is not ours, which a driver neither lists nor touches. Absent if there is no such thing. */
  addForeign?(): unknown
  /** Everything that is held, ours or not, as text that is the same as long as nothing changes. */
  state(): string | Promise<string>
}

/**
 * What `resourceSuite` is called with. `H` is what `setup` makes, and `teardown` takes; `S` is the same of `sharedHolder`.
 */
export interface ResourceSuiteOptions<
  R extends Resource,
  H extends ResourcesUnderTest<R>,
  S extends SharedHolderUnderTest = SharedHolderUnderTest,
> {
  /** Makes a holder without resources of ours. Called for every test. */
  setup(): H | Promise<H>
  /** Removes it, after every driver that the suite opened is disposed of. */
  teardown?(holder: NotInferred<H>): unknown
  /**
   * False if what the driver writes to is its host's alone. If other hosts write to it too (a VPC's route table): what
   * `sharedHolderSuite` needs, which is run as well.
   */
  readonly sharedHolder: false | SharedHolderSuiteOptions<S>
  /** How long a step may take before it counts as failed, in ms. Default: 10,000. */
  readonly timeoutMs?: number
}
