/**
 * What a suite needs of a test runner: vitest, node:test, mocha and jest all have it. A suite imports none of them, so
 * that it runs in whichever its user has: `backendSuite({ describe, it }, { … })`.
 */
export interface Runner {
  /** Declares a group of tests; `body` declares them at once. */
  describe(name: string, body: () => void): unknown
  /** Declares a test, which fails if `body` throws or rejects. */
  it(name: string, body: () => void | Promise<void>): unknown
}
