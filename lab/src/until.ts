import { setTimeout as sleep } from 'node:timers/promises'
import { PATIENCE } from './patience.js'

export interface UntilOptions {
  /** Milliseconds after which it fails. Default: 10,000. */
  timeoutMs?: number
  /** Milliseconds between two looks. Default: 5. */
  intervalMs?: number
  signal?: AbortSignal | undefined
}

/** Awaited so long that something must be wrong. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/**
 * Looks again and again until `look` gives something other than undefined, and gives that.
 * @param what completes the sentence "waited 10000 ms for …"
 * @throws {TimeoutError} after the bound; the signal's reason when aborted; whatever `look` throws.
 */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  options: UntilOptions = {},
): Promise<T> {
  const { timeoutMs = 10_000, intervalMs: interval = 5, signal } = options
  const timeout = timeoutMs * PATIENCE
  const end = performance.now() + timeout
  for (;;) {
    signal?.throwIfAborted()
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new TimeoutError(`waited ${timeout} ms for ${what}`)
    await sleep(interval)
  }
}

/** Rejects after `timeoutMs` if `promise` is not settled by then. */
export async function within<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  const timeout = timeoutMs * PATIENCE
  let timer: NodeJS.Timeout | undefined
  const bound = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`waited ${timeout} ms for ${what}`)), timeout)
  })
  try {
    return await Promise.race([promise, bound])
  } finally {
    clearTimeout(timer)
  }
}
