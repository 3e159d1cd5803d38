/**
 * Every way in which an overlay fails, by code. A code is part of the interface: programs branch on it, and a
 * code, once published, keeps its meaning.
 *
 * | code | what it says | what to do |
 * |---|---|---|
 * | `INVALID_CONFIG` | the network config, or an option, breaks a rule | correct the named key |
 * | `CONFIG_NOT_FOUND` | the store holds no network config | write one; stores say where |
 * | `CONFIG_CHANGED` | another process wrote the network config since it was read | read it again, then decide |
 * | `INVALID_LEASE` | a record in the store is no lease, or lacks what its backend needs | correct or delete the record |
 * | `SUBNETS_EXHAUSTED` | every subnet of the network is leased | widen the network, or free leases |
 * | `LEASE_LOST` | the lease expired, was deleted, or belongs to another node now | acquire again; an overlay does |
 * | `LEASE_CONFLICT` | another node took the subnet first | list again and retry; stores do |
 * | `STORE_UNAVAILABLE` | the store did not answer, or is locked or full | retry; check the store |
 * | `STORE_CORRUPT` | the store answered, but with something that cannot be read | see the message |
 * | `ACCESS_DENIED` | the store or the kernel refused because rights are missing | grant what the message names |
 * | `INTERFACE_NOT_FOUND` | no interface fits what was asked for | name one |
 * | `INTERFACE_UNSUITABLE` | the interface lacks what the backend needs of it | see the message |
 * | `UNSUPPORTED` | the kernel or the platform lacks a feature | see the message |
 * | `DRIVER_REFUSED` | what a driver writes to (a kernel, a cloud) answered with an error | see errno and its own words |
 * | `RESOURCE_CONFLICT` | an entry of that key exists and is not ours to change | rename or remove it |
 * | `RESOURCE_CONTESTED` | another program keeps changing what is ours; it is restored more and more seldom | end that program, or give the two different networks and links |
 * | `READ_INTERRUPTED` | what was read kept changing while it was read | retried; look for a busy writer |
 * | `LISTENER_FAILED` | a listener to an event threw or rejected; its error is the cause | fix the listener |
 * | `EVENTS_LOST` | a consumer of `watch` fell too far behind | take events faster, or watch again |
 * | `INTERNAL` | a fault of selvedge's own | report it, with its cause |
 * | `CLOSED` | the object was stopped or disposed of before | create another |
 */
export type ErrorCode =
  | 'INVALID_CONFIG'
  | 'CONFIG_NOT_FOUND'
  | 'CONFIG_CHANGED'
  | 'INVALID_LEASE'
  | 'SUBNETS_EXHAUSTED'
  | 'LEASE_LOST'
  | 'LEASE_CONFLICT'
  | 'STORE_UNAVAILABLE'
  | 'STORE_CORRUPT'
  | 'ACCESS_DENIED'
  | 'INTERFACE_NOT_FOUND'
  | 'INTERFACE_UNSUITABLE'
  | 'UNSUPPORTED'
  | 'DRIVER_REFUSED'
  | 'RESOURCE_CONFLICT'
  | 'RESOURCE_CONTESTED'
  | 'READ_INTERRUPTED'
  | 'LISTENER_FAILED'
  | 'EVENTS_LOST'
  | 'INTERNAL'
  | 'CLOSED'

/** What an OverlayError is made with besides its code and its message. */
export interface OverlayErrorOptions {
  /** The error that led to this one, as `Error.cause`. */
  readonly cause?: unknown
  /** The symbolic errno if a kernel answered, such as `EPERM` (include/uapi/asm-generic/errno.h). */
  readonly errno?: string
}

/**
 * What every OverlayError bears, of whichever copy of this package. Two copies in one process are ordinary, since a
 * third party's store may bring its own, and `instanceof` knows the class of one copy only.
 */
const BRAND = Symbol.for('@selvedge/core OverlayError')

/**
 * The one error that selvedge throws for what can go wrong in operation. Its message says what was attempted on
 * what, what answered and how, and what to do. Misuse by the programmer is a `TypeError`; an aborted call rejects
 * with the signal's own reason.
 *
 * Ask `isOverlayError`, never `instanceof`: only the former recognises one of another copy of this package.
 */
export class OverlayError extends Error {
  static {
    // Not a member: its type would make the classes of two copies differ.
    Object.defineProperty(OverlayError.prototype, BRAND, { value: true })
  }

  override readonly name = 'OverlayError'
  /** What went wrong, for a program to branch on. */
  readonly code: ErrorCode
  /** The symbolic errno if a kernel answered, such as `EPERM`; undefined otherwise. */
  declare readonly errno: string | undefined

  constructor(code: ErrorCode, message: string, options: OverlayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    // Left out rather than set to undefined, so that a printed error does not end with `errno: undefined`.
    if (options.errno !== undefined) this.errno = options.errno
  }

  /** Returns `error` itself if it is an OverlayError, else one of code `code` that keeps it as its cause. */
  static from(error: unknown, code: ErrorCode, attempted: string): OverlayError {
    if (isOverlayError(error)) return error
    const said = error instanceof Error ? error.message : String(error)
    return new OverlayError(code, `${attempted}: ${said}`, { cause: error })
  }
}

/** True for an OverlayError of any copy of this package, and with `code` only for one of that code. */
export function isOverlayError(error: unknown, code?: ErrorCode): error is OverlayError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || Reflect.get(error, 'code') === code
}

/** Whether what a watch of leases reports is a record, or several that exclude each other: the store itself is well. */
export const isAboutRecords = (error: unknown): boolean =>
  isOverlayError(error, 'INVALID_LEASE') || isOverlayError(error, 'LEASE_CONFLICT')
