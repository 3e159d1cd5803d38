import { type ErrorCode, OverlayError } from '@selvedge/core'

/** LMDB's own codes (lmdb.h). */
const MDB_PAGE_NOTFOUND = -30797
const MDB_CORRUPTED = -30796
const MDB_PANIC = -30795
const MDB_VERSION_MISMATCH = -30794
const MDB_INVALID = -30793
const MDB_MAP_FULL = -30792
const MDB_READERS_FULL = -30790

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

/** By errno, as a name (Node) or a number (LMDB, Linux). */
const verdicts = new Map<string | number, Verdict>([
  ['EACCES', DENIED],
  [13, DENIED],
  ['EPERM', DENIED],
  [1, DENIED],
  ['EROFS', DENIED],
  [30, DENIED],
  ['ENOSPC', FULL],
  [28, FULL],
  ['EDQUOT', FULL],
  [122, FULL],
  [MDB_MAP_FULL, { code: 'STORE_UNAVAILABLE', remedy: 'it is as large as it may become; release leases' }],
  [MDB_READERS_FULL, { code: 'STORE_UNAVAILABLE', remedy: 'too many processes use it; stop some' }],
  [MDB_PAGE_NOTFOUND, CORRUPT],
  [MDB_CORRUPTED, CORRUPT],
  [MDB_PANIC, CORRUPT],
  [MDB_VERSION_MISMATCH, CORRUPT],
  [MDB_INVALID, CORRUPT],
])

/**
 * An OverlayError that says which file, what was attempted and what to do, for what the system or LMDB answered.
 * Anything else (an OverlayError, or what a caller's own function threw) is returned as it is.
 */
export function storeError(error: unknown, attempted: string, path: string): unknown {
  if (!(error instanceof Error) || error instanceof OverlayError) return error
  // Only what is in the file is parsed in a transaction.
  if (error instanceof SyntaxError)
    return corruptStore(path, `a record cannot be read (${error.message})`, error)
  const answer: unknown = Reflect.get(error, 'code')
  const isErrno = typeof answer === 'number' || Reflect.has(error, 'errno')
  if (!isErrno) return error
  const known = typeof answer === 'number' || typeof answer === 'string' ? verdicts.get(answer) : undefined
  const { code, remedy } = known ?? { code: 'STORE_UNAVAILABLE', remedy: 'look at the file and its disk' }
  return new OverlayError(code, `${attempted} the store ${path}: ${error.message}; ${remedy}`, {
    cause: error,
    ...(typeof answer === 'string' && { errno: answer }),
  })
}

export function corruptStore(path: string, fault: string, cause?: Error): OverlayError {
  return new OverlayError(CORRUPT.code, `the store ${path} is damaged: ${fault}; ${CORRUPT.remedy}`, {
    cause,
  })
}
