import { type Operation, type OperationResult, OverlayError } from '@selvedge/core'
import { toOverlayError } from '../kernel-error.js'
import type { NetlinkError } from '../netlink/index.js'

export const SUCCESS: OperationResult = { ok: true }
/** It succeeded, and may have changed more than itself. */
export const SUCCESS_STALE: OperationResult = { ok: true, stale: true }

/** Errors of a deletion that mean that there is nothing to delete. */
const ALREADY_GONE: ReadonlySet<string> = new Set(['ESRCH', 'ENOENT', 'ENODEV', 'EADDRNOTAVAIL'])

/**
 * Errors that mean that what was read before no longer holds: a link is gone or down, the external interface has lost
 * its address, or a nexthop object has gone with its link (EINVAL).
 */
const STALE: ReadonlySet<string> = new Set([
  'ENODEV',
  'ENXIO',
  'ENETDOWN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EINVAL',
])

/** Such as `put neighbour flannel.1 10.5.52.0`. */
export const describe = ({ type, resource }: Operation): string => `${type} ${resource.key}`

/** The result of an operation that the kernel refused, or whose answer was lost. */
export function resultOf(operation: Operation, error: NetlinkError): OperationResult {
  const { reason, errno } = error
  if (operation.type === 'delete' && errno !== undefined && ALREADY_GONE.has(errno)) return SUCCESS
  const stale = reason === 'lost' || (errno !== undefined && STALE.has(errno))
  return { ok: false, error: toOverlayError(error), stale }
}

/** The result of a put on a link that does not exist. */
export function linkMissing(operation: Operation, link: string): OperationResult {
  const error = new OverlayError('DRIVER_REFUSED', `${describe(operation)}: link ${link} does not exist`, {
    errno: 'ENODEV',
  })
  return { ok: false, error, stale: true }
}
