import { createContext, Script } from 'node:vm'

/** What `withTimeLimit` returns if the work was not done in time. */
export const TIMED_OUT = Symbol('timed out')

/**
 * Runs synchronous work that may take for ever, such as a regular expression that backtracks, and ends it after a time
 * in ms. Costs about 0.2 ms.
 */
export function withTimeLimit<T>(timeoutMs: number, work: () => T): T | typeof TIMED_OUT {
  try {
    return new Script('work()').runInContext(createContext({ work }), { timeout: timeoutMs })
  } catch (error) {
    if (isTimeout(error)) return TIMED_OUT
    throw error
  }
}

/** The error is of the script's context, where `Error` is another. */
const isTimeout = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
