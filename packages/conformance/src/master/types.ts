import type { Clock, Random } from '@selvedge/core'
import type { HostUnderTest } from '../driver/types.js'
import type { NotInferred } from '../not-inferred.js'

/** A host of `driverSuite`, on which time can be made to pass and things to go wrong. */
export interface MasterHost extends HostUnderTest {
  /** The clock of the reconcilers on this host. */
  readonly clock: Clock
  /** Lets time pass on the clock, in ms, and everything happen that happens meanwhile. */
  pass(milliseconds: number): Promise<void>
  /** Makes something go wrong from now on, and returns what. */
  trouble?(random: Random): string
  /** Ends all that `trouble` began. */
  heal?(): void
}

/** What `masterRun` is called with. `H` is what `setup` makes, and `teardown` takes. */
export interface MasterOptions<H extends MasterHost> {
  /** A whole number. The same seed makes the same moves on the same kind of host. */
  readonly seed: number
  /** Makes a host. Called twice: two fresh hosts have the same `state`, apart from what `state` leaves out. */
  setup(): H | Promise<H>
  /** Removes a host, after every driver that the run opened is disposed of. */
  teardown?(host: NotInferred<H>): unknown
  /** How many moves are made before all troubles end. Default: 25. */
  readonly moves?: number | undefined
}
