import { pino } from 'pino'
import type { Sanitizer } from './sanitizer.js'
import { terminalLine } from './terminal-format.js'

/** How much an event matters, least first. `error` is for what an operator has to mend. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** What varies from one event to the next, by name. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * Logs one event: a short constant sentence, and what varies as fields. A function makes the fields only if the event is
 * logged, for events that are frequent.
 */
export type Logger = (level: LogLevel, message: string, fields?: LogFields | (() => LogFields)) => void

/** Where lines go, each with its newline. */
export interface LogDestination {
  /** Takes one line, with its newline. */
  write(line: string): void
}

/** What `createLogger` is called with. */
export interface LoggerOptions {
  /** As klog's -v: 0 is `info` and above, 1 adds `debug`, 4 `trace`. */
  readonly verbosity: number
  /** Such as `process.stderr`. */
  readonly destination: LogDestination
  /** For reading at a terminal, rather than a line of JSON each. */
  readonly forTerminal: boolean
  /** Takes secrets out of what is logged. */
  readonly sanitizer: Sanitizer
}

const MIN_TRACE_VERBOSITY = 4

/**
 * Makes the agent's log: a line of JSON for each event, or one for a terminal. No line contains a secret that the
 * sanitizer knows.
 */
export function createLogger({ verbosity, destination, forTerminal, sanitizer }: LoggerOptions): Logger {
  const stream: LogDestination = forTerminal
    ? { write: (line) => destination.write(terminalLine(line)) }
    : destination
  const level = verbosity >= MIN_TRACE_VERBOSITY ? 'trace' : verbosity >= 1 ? 'debug' : 'info'
  // systemd and Kubernetes add the process and the host to every line.
  const logger = pino({ level, base: null }, stream)
  return (level, message, fields = {}) => {
    if (!logger.isLevelEnabled(level)) return
    const shown = typeof fields === 'function' ? fields() : fields
    logger[level](sanitizer.fields(shown), sanitizer.text(message))
  }
}
