import { getSystemErrorName } from 'node:util'
import { type ErrorCode, isOverlayError, OverlayError } from '@selvedge/core'

/** LMDB's own codes (lmdb.h). All but two of them mean that the file is damaged. */
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
  remedy: 'stop every process that uses it, restore a copy or remove the file; nodes then acquire new leases',
}
const DENIED: Verdict = {
  code: 'ACCESS_DENIED',
  remedy: 'let this user read and write the file, its lock file beside it, and their folder',
}
const FULL: Verdict = { code: 'STORE_UNAVAILABLE', remedy: 'free space on its disk; nothing was changed' }
const TOO_LARGE: Verdict = {
  code: 'STORE_UNAVAILABLE',
  remedy: 'it may not grow any further; release leases',
}
const CROWDED: Verdict = { code: 'STORE_UNAVAILABLE', remedy: 'too many processes use it; stop some' }
const UNKNOWN: Verdict = { code: 'STORE_UNAVAILABLE', remedy: 'inspect the file and its disk' }

const verdicts: Readonly<Record<string, Verdict>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: DENIED,
  ENOSPC: FULL,
  EDQUOT: FULL,
}

/**
 * An OverlayError that says which file, what was attempted and what to do, for an error of the system or of LMDB. Any
 * other error (an OverlayError, or what a caller's own function threw) is returned as it is.
 */
export function storeError(error: unknown, attempted: string, path: string): unknown {
  if (!(error instanceof Error) || isOverlayError(error) || error instanceof DOMException) return error
  // Nothing but the file's contents is decoded in a transaction.
  if (error instanceof SyntaxError || error instanceof RangeError) {
    return corruptStore(path, `a record cannot be read (${error.message})`, error)
  }
  const answer: unknown = Reflect.get(error, 'code')
  if (typeof answer === 'number' && answer <= LAST_MDB_CODE && answer >= FIRST_MDB_CODE) {
    if (answer === MDB_MAP_FULL) return refusal(TOO_LARGE, error)
    if (answer === MDB_READERS_FULL) return refusal(CROWDED, error)
    return corruptStore(path, error.message, error)
  }
  // Node.js names the errno, LMDB numbers it.
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
