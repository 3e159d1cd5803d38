import { type Operation, type OperationResult, OverlayError } from '@selvedge/core'
import { type Refusal, refusalError, refusalText } from '../netlink/index.js'

export const SUCCESS: OperationResult = { ok: true }
/** It worked, and may have changed more than itself. */
export const SUCCESS_STALE: OperationResult = { ok: true, stale: true }

/** What the kernel answers to the deletion of what is gone already. */
const ALREADY_GONE: ReadonlySet<string> = new Set(['ESRCH', 'ENOENT', 'ENODEV', 'EADDRNOTAVAIL'])

/**
 * Answers that say that what was read before no longer holds: a link is gone or down, the external interface has lost
 * its address, a nexthop object has gone with its link (EINVAL).
 */
const STALE: ReadonlySet<string> = new Set([
  'ENODEV',
  'ENXIO',
  'ENETDOWN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EINVAL',
])

export const describe = ({ type, resource }: Operation): string => `${type} ${resource.key}`

export const isAlreadyGone = ({ errno }: Refusal): boolean => errno !== undefined && ALREADY_GONE.has(errno)

/** What became of an operation of which the kernel refused a part. */
export function outcomeOf(operation: Operation, refusal: Refusal): OperationResult {
  if (operation.type === 'delete' && isAlreadyGone(refusal)) return SUCCESS
  const stale = refusal.errno === undefined || STALE.has(refusal.errno)
  return { ok: false, error: refusalError(refusal, describe(operation)), stale }
}

/** A put on a link that is not there. */
export function linkGone(operation: Operation, link: string): OperationResult {
  const refusal = { errno: 'ENODEV', text: undefined }
  const error = new OverlayError(
    'KERNEL_REFUSED',
    `${describe(operation)}: there is no link ${link} (${refusalText(refusal)})`,
    { errno: 'ENODEV' },
  )
  return { ok: false, error, stale: true }
}
