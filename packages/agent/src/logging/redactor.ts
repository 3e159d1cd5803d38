const SHOWN = '[redacted]'

/**
 * Takes known secrets out of whatever is about to be written. It is the last line: nothing writes a secret on purpose,
 * but what a library, or a person's own mistyped config, puts into an error message is not for us to know.
 */
export class Redactor {
  #secrets: readonly string[] = []

  /** From now on `secret` is never written. An empty one, or none, is let be. */
  add(secret: string | undefined): void {
    if (secret === undefined || secret === '' || this.#secrets.includes(secret)) return
    // Of two secrets of which one begins the other, the longer goes first: no rest of it is left standing.
    this.#secrets = [...this.#secrets, secret].sort((a, b) => b.length - a.length)
  }

  text(text: string): string {
    return this.#secrets.reduce((redacted, secret) => redacted.replaceAll(secret, SHOWN), text)
  }

  /** A copy of plain data, or of an Error as plain data, with every string in it redacted. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof Error) return this.value(plainError(value))
    if (Array.isArray(value)) return value.map((item) => this.value(item))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.value(item)]))
  }
}

/** Deep enough to find the reason, shallow enough not to fill the log. */
const DEEPEST_CAUSE = 4

/**
 * What is worth keeping of an error: other fields are a library's own, and may hold whole requests. The stack is, too,
 * only for errors that nobody foresaw: those of selvedge say what happened, not where in the code.
 */
function plainError(error: Error, depth = 0): Record<string, unknown> {
  const { code, errno } = error as { code?: unknown; errno?: unknown }
  const foreseen = error.name === 'OverlayError' || error.name === 'UsageError'
  return {
    type: error.name,
    ...(code !== undefined && { code }),
    ...(errno !== undefined && { errno }),
    message: error.message,
    ...(!foreseen && depth === 0 && { stack: error.stack }),
    ...(error.cause instanceof Error &&
      depth < DEEPEST_CAUSE && { cause: plainError(error.cause, depth + 1) }),
  }
}
