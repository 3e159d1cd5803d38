/** What every call that may take long takes. */
export interface AbortOptions {
  /** Aborting rejects the call with the signal's own reason. */
  readonly signal?: AbortSignal | undefined
}

/** What the promise comes to, or a rejection with the signal's reason if that comes first. */
export async function unlessAborted<T>(promise: T | Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let abort: (() => void) | undefined
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    if (abort !== undefined) signal.removeEventListener('abort', abort)
  }
}
