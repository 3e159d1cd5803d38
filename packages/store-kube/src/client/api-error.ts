import { type ErrorCode, OverlayError } from '@selvedge/core'
import { printable } from '@selvedge/core/kit'
import type { ApiStatus } from './node-codec.js'

/** An error status that the API server answered. */
export class ApiError extends OverlayError {
  /** The HTTP status, or that of a watch's error event. */
  readonly status: ApiStatus
  /** How long the server asks to wait, in ms. */
  readonly retryAfterMs: number | undefined

  constructor(attempted: string, status: ApiStatus, retryAfterMs?: number) {
    super(
      codeOf(status.code),
      `${attempted}: the API server answered ${describe(status)}${advice(status.code)}`,
    )
    this.status = status
    this.retryAfterMs = retryAfterMs
  }
}

/** True for an error status of the API server, of these HTTP codes if any are given. */
export const isApiError = (error: unknown, ...codes: readonly number[]): error is ApiError =>
  error instanceof ApiError && (codes.length === 0 || codes.includes(error.status.code))

/** True if the server no longer holds the history that was asked for: list again. */
export const isGone = (error: unknown): boolean =>
  isApiError(error, 410) || (error instanceof ApiError && error.status.reason === 'Expired')

function codeOf(status: number): ErrorCode {
  return status === 401 || status === 403 ? 'ACCESS_DENIED' : 'STORE_UNAVAILABLE'
}

function describe({ code, reason, message }: ApiStatus): string {
  const parts = [`${code}${reason === '' ? '' : ` ${printable(reason)}`}`, printable(message)]
  return parts.filter((part) => part !== '').join(', ')
}

function advice(code: number): string {
  if (code === 401)
    return '; check the token or client certificate: whether it has expired, and whether the API server trusts the authority that signed it'
  if (code === 403) {
    return '; its role must allow get, list and watch of nodes, patch of nodes/status, and get of pods if the node is found by its pod'
  }
  return ''
}
