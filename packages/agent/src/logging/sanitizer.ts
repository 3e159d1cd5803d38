const SHOWN = '[redacted]'

/**
 * Removes known secrets from everything that is about to be written. It is the last line of defence: nothing logs a secret
 * on purpose, but a library or a mistyped config may put one into an error message.
 */
export class Sanitizer {
  #secrets: readonly string[] = []

  /** From now on `secret` is never written. An empty one, or none, is ignored. */
  add(secret: string | undefined): void {
    if (secret === undefined || secret === '' || this.#secrets.includes(secret)) return
    // The longer one first: if it begins with the shorter, its rest must not stay.
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
const MAX_CAUSE_DEPTH = 4

/**
 * The fields of an error that are logged: others are a library's own, and may hold whole requests. The stack is logged for
 * unforeseen errors alone: those of selvedge say what happened, whatever the place in the code.
 */
function plainError(error: Error, depth = 0): Record<string, unknown> {
  const { code, errno } = error as { code?: unknown; errno?: unknown }
  const isForeseen = error.name === 'OverlayError' || error.name === 'UsageError'
  return {
    type: error.name,
    ...(code !== undefined && { code }),
    ...(errno !== undefined && { errno }),
    message: error.message,
    ...(!isForeseen && depth === 0 && { stack: error.stack }),
    ...(error.cause instanceof Error &&
      depth < MAX_CAUSE_DEPTH && { cause: plainError(error.cause, depth + 1) }),
  }
}
