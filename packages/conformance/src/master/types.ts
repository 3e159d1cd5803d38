import type { Clock, Random } from '@selvedge/core'
import type { HostUnderTest } from '../driver/types.js'

/** A host of `driverSuite`, on which time can be made to pass and things to go wrong. */
export interface MasterHost extends HostUnderTest {
  /** The time by which reconcilers on this host live. */
  readonly clock: Clock
  /** Lets so many ms pass on the clock, and all that happens meanwhile happen. */
  pass(milliseconds: number): Promise<void>
  /** Makes something go wrong from now on, and says what. */
  trouble?(random: Random): string
  /** Ends all that `trouble` began. */
  heal?(): void
}

export interface MasterOptions<H extends MasterHost> {
  /** A whole number. The same seed makes the same moves on the same kind of host. */
  readonly seed: number
  /** Makes a host. Called twice: two fresh hosts have the same `state`, apart from what `state` leaves out. */
  setup(): H | Promise<H>
  teardown?(host: H): unknown
  /** How many moves are made before all troubles end; 25 where absent. */
  readonly moves?: number | undefined
}
