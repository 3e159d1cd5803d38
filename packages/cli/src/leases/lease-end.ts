import type { Lease } from '@selvedge/core'
import { duration } from '../output/duration.js'

/** An agent renews an hour before the end, by default: of a lease with less left than this, nobody has. */
export const LATE_MS = 30 * 60 * 1000

/** `ending`: less is left of it than `LATE_MS`. `unknown`: the store does not say when it ends, or was not asked. */
export type LeaseState = 'reserved' | 'held' | 'ending' | 'expired' | 'unknown'

export function leaseState({ expiresAt }: Lease, isReserved: boolean, now: number): LeaseState {
  if (isReserved) return 'reserved'
  if (expiresAt === undefined) return 'unknown'
  if (expiresAt <= now) return 'expired'
  return expiresAt - now < LATE_MS ? 'ending' : 'held'
}

/** `reserved`, a time, or `-` if the store does not say it. */
export function endOf({ expiresAt }: Lease, isReserved: boolean, now: number): string {
  if (isReserved) return 'reserved'
  return expiresAt === undefined ? '-' : duration(expiresAt - now)
}
