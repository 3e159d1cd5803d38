import type { Backend, Driver, NodeContext } from '@selvedge/core'
import type { BackendFeatures } from '../backend/types.js'
import type { NotInferred } from '../not-inferred.js'

/** A fresh holder that several hosts write to (a VPC's route table), as a test of the suite finds it. */
export interface SharedHolderUnderTest {
  /** Makes the backend of node number `node`, as that node's host would. The same number is the same node. */
  backend(node: number): Backend
  /**
   * Opens that node's drivers of the shared holder, as a process on its host would, for the backend's resources of their
   * kinds. The suite disposes of them. Default: all drivers that the backend brings.
   */
  drivers?(node: number, context: NodeContext): readonly Driver[]
  /** Adds what is none of any node's, and no driver lists or changes. Absent if there is no such thing. */
  addForeign?(): unknown
  /** Everything that is held, by whomever, as text that is the same as long as nothing changes. */
  state(): string | Promise<string>
}

/** What `sharedHolderSuite` is called with. `H` is what `setup` makes, and `teardown` takes. */
export interface SharedHolderSuiteOptions<H extends SharedHolderUnderTest = SharedHolderUnderTest> {
  /** Makes a holder that holds nothing of any node's. Called for every test. */
  setup(): H | Promise<H>
  /** Removes it, after every driver that the suite opened is disposed of. */
  teardown?(holder: NotInferred<H>): unknown
  /** The network config's Backend section, if the backend cannot work without settings. */
  readonly section?: Readonly<Record<string, unknown>>
  /** Which families the backend supports. Each is assumed unless it is declared false. */
  readonly supports?: Partial<Pick<BackendFeatures, 'ipv4' | 'ipv6' | 'dualStack'>>
}
