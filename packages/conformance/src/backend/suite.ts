import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { Backend } from '@selvedge/core'
import type { Runner } from '../runner.js'
import { familySection } from './family.js'
import { sampleNode } from './fixture.js'

/**
 * What a backend can do beyond the least. Everything is taken for true unless it is declared false, and a test whose
 * feature is declared false is left out.
 */
export interface BackendFeatures {
  /** IPv4 networks. */
  readonly ipv4: boolean
  /** IPv6-only networks. */
  readonly ipv6: boolean
  /** Networks of both families. */
  readonly dualStack: boolean
  /** Keys of the Backend section that mean nothing are told of by `warnings`. */
  readonly warnings: boolean
}

export interface BackendSuiteOptions {
  /**
   * Makes the backend of node number `node`: 0 is the node that is looked at, the others are its peers. A backend that
   * holds something of its node's own (a key) makes it from this number, the same at every call.
   */
  setup(node: number): Backend
  /** The network config's Backend section, where the backend needs settings to work: `{ Type: 'ipsec', PSK: '…' }`. */
  readonly section?: Readonly<Record<string, unknown>>
  readonly supports?: Partial<BackendFeatures>
  /** Of the malformed leases; drawn anew each run, and printed, where absent. */
  readonly seed?: number
}

/**
 * Proves that a backend keeps every promise of `Backend`, without root and without a kernel:
 *
 * ```ts
 * import { describe, it } from 'node:test'
 * backendSuite({ describe, it }, { setup: () => myBackend() })
 * ```
 */
export function backendSuite(runner: Runner, options: BackendSuiteOptions): void {
  const supports: BackendFeatures = {
    ipv4: true,
    ipv6: true,
    dualStack: true,
    warnings: true,
    ...options.supports,
  }
  const seed = options.seed ?? Date.now() % 2 ** 32
  runner.describe('a backend', () => {
    if (supports.warnings) warningSection(runner, options, supports)
    if (supports.ipv4) familySection(runner, options, 'IPv4', seed)
    if (supports.ipv6) familySection(runner, options, 'IPv6', seed)
    if (supports.dualStack) familySection(runner, options, 'dual-stack', seed)
  })
}

function warningSection({ it }: Runner, options: BackendSuiteOptions, supports: BackendFeatures): void {
  const families = supports.ipv4 ? 'IPv4' : supports.ipv6 ? 'IPv6' : 'dual-stack'

  it('warns of a key of the Backend section that means nothing, and of no other', () => {
    const backend = options.setup(0)
    const section = options.section ?? { Type: backend.type }
    ok(backend.warnings !== undefined, 'there is no method `warnings`: a mistyped key would never be noticed')
    deepStrictEqual(backend.warnings(sampleNode(families, 0, section)), [])
    const warnings = backend.warnings(sampleNode(families, 0, { ...section, NoSuchKey: 1 }))
    strictEqual(warnings.length, 1)
    ok(warnings[0]?.includes('NoSuchKey'), `the warning does not name the key NoSuchKey: ${warnings[0]}`)
  })
}
