/**
 * Runs `body` with a signal that aborts with `signal`, and with `late` after `limitMs`. It waits for `body` to end.
 *
 * By a timer of its own: `AbortSignal.timeout` inside `AbortSignal.any` may be collected as garbage, and never abort, on
 * older versions of Node.js.
 */
export async function withTimeLimit<T>(
  { limitMs, signal, late }: { readonly limitMs: number; readonly signal: AbortSignal; readonly late: Error },
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(late), limitMs)
  try {
    return await body(AbortSignal.any([signal, limit.signal]))
  } finally {
    clearTimeout(timer)
  }
}
