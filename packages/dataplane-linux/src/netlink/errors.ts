/**
 * - `refused`: the kernel answered with an error number.
 * - `lost`: the answer was lost, so whether the request was carried out is not known.
 * - `invalid`: the request could not be encoded, and was not sent.
 * - `interrupted`: a table changed during each of many attempts to read it.
 * - `malformed`: what arrived is not the netlink that is known here.
 * - `unavailable`: this platform or kernel lacks what a netlink socket needs.
 * - `absent`: what the caller named, such as a network namespace, does not exist.
 * - `closed`: the connection was closed before the call.
 */
export type NetlinkFailure =
  | 'refused'
  | 'lost'
  | 'invalid'
  | 'interrupted'
  | 'malformed'
  | 'unavailable'
  | 'absent'
  | 'closed'

/** What a NetlinkError is made with. */
export interface NetlinkErrorDetails {
  /** In which way it failed. */
  readonly reason: NetlinkFailure
  /** What was attempted, such as `creating vxlan link flannel.1`. */
  readonly operation: string
  /** What went wrong; by default derived from `errno` and `kernelText`. */
  readonly explanation?: string | undefined
  /** Such as `ENODEV`. */
  readonly errno?: string | undefined
  /** The kernel's own explanation (extended ack). */
  readonly kernelText?: string | undefined
  /** The capability that is missing if `errno` is EPERM or EACCES. CAP_NET_ADMIN by default. */
  readonly capability?: string | undefined
  /** The error that led to this one, as `Error.cause`. */
  readonly cause?: unknown
}

/** Every failure of this layer. The kernel's own words are kept. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError'
  /** In which way it failed. */
  readonly reason: NetlinkFailure
  /** What was attempted, such as `creating vxlan link flannel.1`. */
  readonly operation: string
  /** Such as `ENODEV`; undefined if the kernel did not answer with one. */
  declare readonly errno: string | undefined
  /** The kernel's own explanation (extended ack); undefined if it gave none. */
  declare readonly kernelText: string | undefined
  /** The capability that is missing if `errno` is EPERM or EACCES, such as `CAP_NET_ADMIN`. */
  readonly capability: string

  constructor(details: NetlinkErrorDetails) {
    const { reason, operation, errno, kernelText, explanation = explain(details) } = details
    super(`${operation}: ${explanation}`, details.cause === undefined ? undefined : { cause: details.cause })
    this.reason = reason
    this.operation = operation
    // Left out rather than set to undefined, so that a printed error does not end with `errno: undefined`.
    if (errno !== undefined) this.errno = errno
    if (kernelText !== undefined) this.kernelText = kernelText
    this.capability = details.capability ?? 'CAP_NET_ADMIN'
  }

  /** Passes a NetlinkError through and wraps anything else. */
  static from(error: unknown, reason: NetlinkFailure, operation: string): NetlinkError {
    if (error instanceof NetlinkError) return error
    const explanation = error instanceof Error ? error.message : String(error)
    const errno = error instanceof Error && 'code' in error ? String(error.code) : undefined
    return new NetlinkError({ reason, operation, explanation, errno, cause: error })
  }
}

function explain({ reason, errno, kernelText }: NetlinkErrorDetails): string {
  if (reason === 'lost') return 'the answer was lost, so the outcome is unknown'
  if (errno === undefined) return kernelText ?? reason
  return `the kernel answered ${errno}${kernelText === undefined ? '' : `: ${kernelText}`}`
}

/**
 * What cannot be a netlink message, whoever sent it. Thrown instead of reading past the end or looping for ever.
 *
 * @param what such as `an attribute of 3 bytes in 40`
 */
export const malformed = (what: string): NetlinkError =>
  new NetlinkError({
    reason: 'malformed',
    operation: 'decoding netlink',
    explanation: `${what}: the message was truncated, or this kernel uses an unknown layout`,
  })
