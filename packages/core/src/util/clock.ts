/**
 * Time as the core sees it. Tests inject one that they advance by hand; `systemClock` is the default everywhere.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump when an administrator sets the time. */
  now(): number
  /** Milliseconds on a clock that never jumps; for durations only. */
  monotonic(): number
  /**
   * Resolves after `milliseconds`, or rejects with the signal's reason as soon as it is aborted.
   */
  sleep(milliseconds: number, options?: SleepOptions): Promise<void>
}

/** What a `sleep` of a clock is called with. */
export interface SleepOptions {
  /** Ends the sleep, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/** A number drawn evenly from [0, 1): `Math.random` by default, a seeded one in tests. */
export type Random = () => number

/** Node's `setTimeout` fires at once for anything longer (a signed 32-bit count of milliseconds). */
const MAX_TIMER_MS = 2 ** 31 - 1

/** The computer's own clock. A sleep may be of any length: `setTimeout` alone is limited to 24.8 days. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep(milliseconds, { signal } = {}) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      let timer: NodeJS.Timeout
      const wait = (left: number): void => {
        const step = Math.min(Math.max(0, left), MAX_TIMER_MS)
        timer = setTimeout(() => (left > step ? wait(left - step) : wake()), step)
      }
      const wake = (): void => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      wait(milliseconds)
    })
  },
}
