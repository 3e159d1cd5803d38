import type { Bench } from './bench.js'
import type { Ward } from './ward.js'

/**
 * A fault, and what the doctor is to say of it. To add one, add an entry to a table in `faults`: it is injected into a host on
 * which nothing is wrong, the doctor must name it, and find nothing once its remedy was taken.
 */
export interface Fault<W extends Ward = Bench> {
  readonly name: string
  /** The finding that names the cause. Others may be there, too, as consequences. */
  readonly id: string
  /** What the finding must say: the values of the cause. */
  readonly says: RegExp
  readonly inject: (ward: W) => Promise<unknown>
  /** What takes the remedy, where it is more than the commands that the doctor names: those are run as they stand. */
  readonly mend?: (ward: W, remedy: string) => Promise<unknown>
  /** Takes back what the injection or the remedy left besides: each fault begins on the same host. */
  readonly after?: (ward: W) => Promise<unknown>
  /** It is still mentioned once it was mended, or the arguments are at fault. */
  readonly lasts?: boolean
  /** Further arguments of the doctor, before the remedy and, unless there are others, after it; `@` stands for the host's folder. */
  readonly args?: readonly string[]
  readonly argsAfter?: readonly string[]
  /** A command that runs the doctor, before the remedy. */
  readonly wrapper?: readonly string[]
  /** Why it cannot be injected into this kernel; undefined if it can. */
  readonly whyNot?: (ward: W) => Promise<string | undefined>
}

export const nothing = async (): Promise<void> => {}

/** Takes a fault as it is on hosts of another kind. */
export const faultNames = (faults: readonly Fault<never>[]): readonly string[] => faults.map(({ id }) => id)
