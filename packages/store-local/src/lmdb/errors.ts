import { getSystemErrorName } from 'node:util'
import { type ErrorCode, OverlayError } from '@selvedge/core'

/** LMDB's own codes (lmdb.h). All but these tell of a damaged file. */
const FIRST_MDB_CODE = -30_799
const LAST_MDB_CODE = -30_769
const MDB_MAP_FULL = -30_792
const MDB_READERS_FULL = -30_790

interface Verdict {
  readonly code: ErrorCode
  readonly remedy: string
}

const CORRUPT: Verdict = {
  code: 'STORE_CORRUPT',
  remedy: 'stop every process that uses it, restore a copy or remove the file; nodes then lease anew',
}
const DENIED: Verdict = {
  code: 'ACCESS_DENIED',
  remedy: 'let this user read and write the file, its lock file beside it, and their folder',
}
const FULL: Verdict = { code: 'STORE_UNAVAILABLE', remedy: 'free space on its disk; nothing was changed' }
const LARGEST: Verdict = { code: 'STORE_UNAVAILABLE', remedy: 'it may grow no more; release leases' }
const CROWDED: Verdict = { code: 'STORE_UNAVAILABLE', remedy: 'too many processes use it; stop some' }
const UNKNOWN: Verdict = { code: 'STORE_UNAVAILABLE', remedy: 'look at the file and its disk' }

const verdicts: Readonly<Record<string, Verdict>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: DENIED,
  ENOSPC: FULL,
  EDQUOT: FULL,
}

/**
 * An OverlayError that says which file, what was attempted and what to do, for what the system or LMDB answered.
 * Anything else (an OverlayError, or what a caller's own function threw) is returned as it is.
 */
export function storeError(error: unknown, attempted: string, path: string): unknown {
  if (!(error instanceof Error) || error instanceof OverlayError || error instanceof DOMException)
    return error
  // Only what is in the file is decoded in a transaction.
  if (error instanceof SyntaxError || error instanceof RangeError) {
    return corruptStore(path, `a record cannot be read (${error.message})`, error)
  }
  const answer: unknown = Reflect.get(error, 'code')
  if (typeof answer === 'number' && answer <= LAST_MDB_CODE && answer >= FIRST_MDB_CODE) {
    if (answer === MDB_MAP_FULL) return refusal(LARGEST, error)
    if (answer === MDB_READERS_FULL) return refusal(CROWDED, error)
    return corruptStore(path, error.message, error)
  }
  // Node says which errno by name, LMDB by number.
  const errno = typeof answer === 'number' && answer > 0 ? getSystemErrorName(-answer) : answer
  if (typeof errno !== 'string' || !/^E[A-Z0-9]+$/.test(errno)) return error
  return refusal(verdicts[errno] ?? UNKNOWN, error, errno)

  function refusal({ code, remedy }: Verdict, cause: Error, errno?: string): OverlayError {
    const message = `${attempted} the store ${path}: ${cause.message}; ${remedy}`
    return new OverlayError(code, message, { cause, ...(errno !== undefined && { errno }) })
  }
}

export function corruptStore(path: string, fault: string, cause?: Error): OverlayError {
  return new OverlayError(CORRUPT.code, `the store ${path} is damaged: ${fault}; ${CORRUPT.remedy}`, {
    cause,
  })
}
