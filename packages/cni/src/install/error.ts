/**
 * - `SOURCE_INVALID`: what should be installed is missing, incomplete or no CNI config
 * - `NO_SPACE`: the target's file system is full, or a quota is
 * - `TARGET_DENIED`: the target is read-only, or this process may not write to it
 * - `TARGET_UNUSABLE`: a plugin in that folder could not be started
 * - `FAILED`: anything else; `cause` has it
 */
export type InstallErrorCode = 'SOURCE_INVALID' | 'NO_SPACE' | 'TARGET_DENIED' | 'TARGET_UNUSABLE' | 'FAILED'

/** An installation that did not take place: what was installed before is unchanged. */
export class InstallError extends Error {
  override readonly name = 'InstallError'
  readonly code: InstallErrorCode

  constructor(code: InstallErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }

  /** @param attempt what was attempted on what, such as `installing the plugin into /opt/cni/bin` */
  static from(error: unknown, attempt: string): InstallError {
    if (error instanceof InstallError) return error
    const { code, message } =
      error instanceof Error ? (error as NodeJS.ErrnoException) : { message: String(error) }
    const failure = FAILURES[code ?? '']
    const advice = failure === undefined ? '' : `; ${failure.advice}`
    return new InstallError(failure?.code ?? 'FAILED', `${attempt}: ${message}${advice}`, { cause: error })
  }
}

const FULL = { code: 'NO_SPACE', advice: 'make room on that file system' } as const
const DENIED = { code: 'TARGET_DENIED', advice: 'mount the folder writable, and run this as root' } as const

const FAILURES: Readonly<
  Record<string, { readonly code: InstallErrorCode; readonly advice: string } | undefined>
> = { ENOSPC: FULL, EDQUOT: FULL, EROFS: DENIED, EACCES: DENIED, EPERM: DENIED }
