import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { Runner } from '../runner.js'
import { familySection } from './family.js'
import { sampleNode } from './fixture.js'
import type { BackendFeatures, BackendSuiteOptions } from './types.js'

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

  it('warns of a key of the Backend section that has no meaning, and of no other', () => {
    const backend = options.setup(0)
    const section = options.section ?? { Type: backend.type }
    ok(backend.warnings !== undefined, 'there is no method `warnings`: a mistyped key would never be noticed')
    deepStrictEqual(backend.warnings(sampleNode(families, 0, section)), [])
    const warnings = backend.warnings(sampleNode(families, 0, { ...section, NoSuchKey: 1 }))
    strictEqual(warnings.length, 1)
    ok(warnings[0]?.includes('NoSuchKey'), `the warning does not name the key NoSuchKey: ${warnings[0]}`)
  })
}
