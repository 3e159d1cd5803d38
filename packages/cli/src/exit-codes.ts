import { type ErrorCode, isOverlayError } from '@selvedge/core'

/** The exit statuses of `selvedge`: programs branch on them, so that one keeps its meaning. */
export const EXIT = {
  /** Done; for a comparison, nothing differs. */
  done: 0,
  /** It failed; standard error says what was attempted, what was answered, and what to do. */
  failed: 1,
  /** Something differs, or would change: `plan`, `cleanup --dry-run`, `config diff`, `config set --dry-run`. */
  differs: 2,
  /** Refused to do harm, or another was faster: --force overrides the former, a repetition may mend the latter. */
  refused: 3,
  /** The store or the agent cannot be reached. */
  unavailable: 4,
  /** What was named does not exist. */
  notFound: 5,
  /** The command line is not valid (sysexits.h, EX_USAGE). */
  usage: 64,
  /** Interrupted (128 + SIGINT). */
  interrupted: 130,
} as const

/** One of the exit statuses of `selvedge`, which its `--help` lists: 0 to 5, 64 and 130. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** For the help of the program. */
export const EXIT_HELP = `Exit status:
  0    done; of a comparison: nothing differs
  1    failed
  2    something differs, or would change
  3    refused: it would do harm (--force does it), or another process was faster
  4    the store or the agent cannot be reached
  5    what was named does not exist
  64   the command line is not valid
  130  interrupted`

const OF_CODE: Partial<Record<ErrorCode, ExitCode>> = {
  STORE_UNAVAILABLE: EXIT.unavailable,
  LEASE_CONFLICT: EXIT.refused,
  RESOURCE_CONFLICT: EXIT.refused,
  CONFIG_CHANGED: EXIT.refused,
  CONFIG_NOT_FOUND: EXIT.notFound,
}

/** A command that ends without success, and has said why unless there is a message. */
export class Ended extends Error {
  override readonly name = 'Ended'
  readonly status: ExitCode

  constructor(status: ExitCode, message = '') {
    super(message)
    this.status = status
  }
}

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof Ended) return error.status
  return (isOverlayError(error) ? OF_CODE[error.code] : undefined) ?? EXIT.failed
}
