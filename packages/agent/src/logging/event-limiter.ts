import type { Clock } from '@selvedge/core'
import type { LogFields, Logger, LogLevel } from './logger.js'

/** An event that may recur by the thousand. */
export interface RecurringEvent {
  readonly level: LogLevel
  /** Events of one kind are limited together, such as those of one error code. */
  readonly kind: string
  readonly message: string
  readonly fields?: LogFields | undefined
}

export interface EventLimiterOptions {
  readonly log: Logger
  readonly clock: Clock
  /** Once it aborts, nothing more is logged. */
  readonly signal: AbortSignal
  /** What the events of a kind are, in the plural, for their count. Default: `errors like this`. */
  readonly nouns?: Readonly<Record<string, string>> | undefined
  /**
   * Kinds of what is reported when it happens, and not again while it lasts: an identical message says that it has happened
   * again. Default: none.
   */
  readonly happenings?: readonly string[] | undefined
}

/** How many events of a kind are logged one by one in each window. */
const MAX_BURST = 5

const WINDOW_MS = 10_000

/** An identical message of what is retried is logged again after this long; at level debug each time. */
const REPEAT_MS = 5 * 60_000

/** How many messages of a kind are remembered, to know a repetition. */
const MAX_REMEMBERED = 16

interface Window {
  logged: number
  /** Those beyond the burst. */
  count: number
  last: RecurringEvent | undefined
}

/**
 * Logs what may recur by the thousand: the first five of a kind one by one, the rest as a count every 10 s, and an
 * identical message of what is retried at most every five minutes, or once it was over.
 */
export class EventLimiter {
  readonly #options: EventLimiterOptions
  readonly #windows = new Map<string, Window>()
  /** By kind: when each message was logged last, in order. */
  readonly #loggedAt = new Map<string, Map<string, number>>()

  constructor(options: EventLimiterOptions) {
    this.#options = options
  }

  report(event: RecurringEvent): void {
    const { kind, level, message, fields } = event
    const { log } = this.#options
    if (this.#isRepetition(kind, message)) {
      log('debug', message, fields)
      return
    }
    let window = this.#windows.get(kind)
    if (window === undefined) {
      window = { logged: 0, count: 0, last: undefined }
      this.#windows.set(kind, window)
      void this.#endWindow(kind, window)
    }
    if (window.logged < MAX_BURST) {
      window.logged += 1
      this.#remember(kind, message)
      log(level, message, fields)
    } else {
      window.count += 1
      window.last = event
      log('debug', message, fields)
    }
  }

  /** What this message said is over: an identical one is news. */
  forget(kind: string, message: string): void {
    this.#loggedAt.get(kind)?.delete(message)
  }

  /** Logs the count of each window in which there were too many, until one is quiet. */
  async #endWindow(kind: string, window: Window): Promise<void> {
    const { log, clock, signal, nouns = {} } = this.#options
    try {
      do {
        window.logged = window.count > 0 ? MAX_BURST : 0
        window.count = 0
        await clock.sleep(WINDOW_MS, { signal })
        const { count, last } = window
        if (last === undefined || count === 0) continue
        const noun = nouns[kind] ?? 'errors like this'
        const text = count === 1 ? last.message : `${count} more ${noun}; the last: ${last.message}`
        log(last.level, text, last.fields)
      } while (window.count > 0)
    } catch {
      // Aborted.
    }
    this.#windows.delete(kind)
  }

  #isRepetition(kind: string, message: string): boolean {
    if (this.#options.happenings?.includes(kind)) return false
    const at = this.#loggedAt.get(kind)?.get(message)
    return at !== undefined && this.#options.clock.monotonic() - at < REPEAT_MS
  }

  #remember(kind: string, message: string): void {
    const messages = this.#loggedAt.get(kind) ?? new Map<string, number>()
    messages.delete(message)
    messages.set(message, this.#options.clock.monotonic())
    const [oldest] = messages.keys()
    if (oldest !== undefined && messages.size > MAX_REMEMBERED) messages.delete(oldest)
    this.#loggedAt.set(kind, messages)
  }
}
