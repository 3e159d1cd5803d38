import { type DestinationStream, pino } from 'pino'
import type { Redactor } from './redactor.js'
import { terminalLine } from './terminal-format.js'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

export type LogFields = Readonly<Record<string, unknown>>

/**
 * Writes one event: a short constant sentence, and what differs from time to time as fields; as a function where there
 * are so many events that it matters whether they are made for nothing.
 */
export type Logger = (level: LogLevel, message: string, fields?: LogFields | (() => LogFields)) => void

export interface LoggerOptions {
  /** As klog's -v: 0 is `info` and above, 1 adds `debug`, 4 `trace`. */
  readonly verbosity: number
  /** Where lines go. */
  readonly destination: DestinationStream
  /** For a person at a terminal, rather than one JSON text a line. */
  readonly forTerminal: boolean
  readonly redactor: Redactor
}

const TRACE_FROM = 4

export function createLogger({ verbosity, destination, forTerminal, redactor }: LoggerOptions): Logger {
  const stream: DestinationStream = forTerminal
    ? { write: (line) => destination.write(terminalLine(line)) }
    : destination
  const level = verbosity >= TRACE_FROM ? 'trace' : verbosity >= 1 ? 'debug' : 'info'
  // Which process and host it was is what systemd and Kubernetes add to every line anyway.
  const logger = pino({ level, base: null }, stream)
  return (level, message, fields = {}) => {
    if (!logger.isLevelEnabled(level)) return
    const shown = typeof fields === 'function' ? fields() : fields
    logger[level](redactor.value(shown), redactor.text(message))
  }
}
