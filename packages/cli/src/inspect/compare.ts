import type { KnownLease } from '@selvedge/agent'
import { type Lease, leaseKey } from '@selvedge/core'

/** subnet.env beside what it should be. */
export interface SubnetFileMark {
  readonly path: string
  /** `held`: it has the text that the agent writes; `stale`: another; `missing`: there is none; `unknown`: not known. */
  readonly mark: 'held' | 'missing' | 'stale' | 'unknown'
  readonly text?: string | undefined
  /** Lines that it has and should not, after `-`, and the other way round, after `+`. */
  readonly differences: readonly string[]
}

export function compareSubnetEnv(
  path: string,
  text: string | undefined,
  desired: string | undefined,
): SubnetFileMark {
  if (desired === undefined)
    return { path, mark: text === undefined ? 'missing' : 'unknown', text, differences: [] }
  if (text === desired) return { path, mark: 'held', text, differences: [] }
  const [there, wanted] = [linesOf(text ?? ''), linesOf(desired)]
  const differences = [
    ...there.filter((line) => !wanted.includes(line)).map((line) => `- ${line}`),
    ...wanted.filter((line) => !there.includes(line)).map((line) => `+ ${line}`),
  ]
  return { path, mark: text === undefined ? 'missing' : 'stale', text, differences }
}

const linesOf = (text: string): readonly string[] => text.split('\n').filter((line) => line !== '')

/** A lease in the store, or one that the agent knows. */
export interface StoredLease extends KnownLease {
  readonly isOwn: boolean
  /**
   * `held`: the store and the agent have it; `missing`: the agent has it, and the store does not; `foreign`: the other way
   * round. Absent if there is nothing to compare.
   */
  readonly mark?: 'held' | 'missing' | 'foreign' | undefined
}

/** @param known what the agent knows; empty if none runs, and then nothing is compared */
export function compareLeases(
  known: readonly KnownLease[],
  stored: readonly Lease[],
  own: string | undefined,
): readonly StoredLease[] {
  const rest = new Map(known.map((lease) => [lease.key, lease]))
  const both = stored.map((lease): StoredLease => {
    const key = leaseKey(lease)
    const isKnown = rest.delete(key)
    const { subnet, ipv6Subnet, attributes } = lease
    const { publicIp, publicIpv6, backendType } = attributes
    return {
      key,
      subnet,
      ipv6Subnet,
      publicIp,
      publicIpv6,
      backendType,
      isOwn: key === own,
      mark: known.length === 0 ? undefined : isKnown ? 'held' : 'foreign',
    }
  })
  const lost = [...rest.values()].map(
    (lease): StoredLease => ({ ...lease, isOwn: lease.key === own, mark: 'missing' }),
  )
  return [...lost, ...both]
}
