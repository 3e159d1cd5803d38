import type { Driver, OwnershipScope, Resource } from '@selvedge/core'

/** A fresh holder of resources (a tunnel's peers, a cloud's routes), as a test of the suite finds it. */
export interface ResourcesUnderTest<R extends Resource> {
  /** A driver of its own, as another process would open. The suite disposes of it. */
  driver(): Driver<R> | Promise<Driver<R>>
  readonly scope: OwnershipScope
  /** At least two, of every kind that the driver holds, in an order in which they can be put. */
  readonly samples: readonly R[]
  /** The same keys, or some of them, saying something else. Absent where a key says it all. */
  readonly changed?: readonly R[]
  /** One that the holder refuses. Absent where it takes everything. */
  readonly refused?: R
  /** Somebody else deletes a sample. */
  remove(sample: R): unknown
  /** Somebody else puts there what is theirs: to be neither listed nor touched. Absent where there is no such thing. */
  addForeign?(): unknown
  /** All that is held, ours and others', as text: the same as long as nothing is changed. */
  state(): string | Promise<string>
}

export interface ResourceSuiteOptions<R extends Resource, H extends ResourcesUnderTest<R>> {
  /** Makes a holder with nothing of ours in it. Called for every test. */
  setup(): H | Promise<H>
  /** Removes it. Every driver that the suite opened is disposed of by then. */
  teardown?(holder: H): unknown
  /** How long anything may take before it has failed, in ms; 10,000 where absent. */
  readonly timeoutMs?: number
}
