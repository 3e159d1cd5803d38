/**
 * What a suite needs of a test runner: vitest, node:test, mocha and jest all have it. A suite imports none of them, so
 * that it runs in whichever its user has: `backendSuite({ describe, it }, { … })`.
 */
export interface Runner {
  describe(name: string, body: () => void): unknown
  it(name: string, body: () => void | Promise<void>): unknown
}
