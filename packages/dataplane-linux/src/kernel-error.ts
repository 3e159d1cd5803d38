import { type ErrorCode, OverlayError } from '@selvedge/core'
import { NetlinkError, type NetlinkFailure } from './netlink/index.js'

const CODES: Readonly<Record<NetlinkFailure, ErrorCode>> = {
  refused: 'DRIVER_REFUSED',
  lost: 'DRIVER_REFUSED',
  invalid: 'DRIVER_REFUSED',
  interrupted: 'READ_INTERRUPTED',
  malformed: 'UNSUPPORTED',
  unavailable: 'UNSUPPORTED',
  absent: 'INVALID_CONFIG',
  closed: 'CLOSED',
}

const DENIED: ReadonlySet<string> = new Set(['EPERM', 'EACCES'])
const UNSUPPORTED: ReadonlySet<string> = new Set(['EOPNOTSUPP', 'EAFNOSUPPORT', 'EPROTONOSUPPORT'])

/** The kernel denies this process the right to do it. */
export const isDenied = ({ reason, errno }: NetlinkError): boolean =>
  reason === 'refused' && errno !== undefined && DENIED.has(errno)

/** The kernel lacks the feature. */
export const isUnsupported = ({ reason, errno }: NetlinkError): boolean =>
  reason === 'refused' && errno !== undefined && UNSUPPORTED.has(errno)

/** A NetlinkError as the OverlayError that a driver rejects with. */
export function toOverlayError(error: NetlinkError): OverlayError {
  const { reason, errno, message, capability } = error
  const wrap = (code: ErrorCode, text: string): OverlayError =>
    new OverlayError(code, text, { cause: error, ...(errno === undefined ? {} : { errno }) })
  if (isDenied(error)) {
    return wrap('ACCESS_DENIED', `${message}. This process needs ${capability} in the network namespace`)
  }
  if (isUnsupported(error)) {
    return wrap('UNSUPPORTED', `${message}. This kernel lacks the feature`)
  }
  return wrap(CODES[reason], message)
}

/** A NetlinkError as an OverlayError; anything else as it is. */
export const overlayErrorOf = (error: unknown): unknown =>
  error instanceof NetlinkError ? toOverlayError(error) : error

/** Calls `body`, and rejects with an OverlayError instead of a NetlinkError. */
export async function withOverlayErrors<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    throw overlayErrorOf(error)
  }
}
