import type { Runner } from '../runner.js'
import { type DriverSection, TestHost } from './fixture.js'
import { hostTests } from './host.js'
import { lifetimeTests } from './lifetime.js'
import { linkTests } from './links.js'
import { ownershipTests } from './ownership.js'
import { scopeTests } from './scope.js'
import type { DriverSuiteOptions, HostUnderTest } from './types.js'
import { watchTests } from './watch.js'
import { writeTests } from './writes.js'

/**
 * Proves that a driver of links, addresses, routes, neighbours and fdb entries keeps every promise of `Driver`
 * and `OwnershipScope`:
 *
 * ```ts
 * import { describe, it } from 'node:test'
 * driverSuite({ describe, it }, { setup: () => …, supports: { ipv6: false } })
 * ```
 */
export function driverSuite<H extends HostUnderTest>(
  { describe, it }: Runner,
  options: DriverSuiteOptions<H>,
): void {
  const section: DriverSection = {
    supports: {
      preflight: true,
      externalInterface: true,
      host: true,
      watch: true,
      ipv6: true,
      ...options.supports,
    },
    test: (name, body) => {
      it(name, async () => {
        await using host = await TestHost.setUp(options)
        await body(host)
      })
    },
  }
  describe('Driver', () => {
    describe('put and delete', () => writeTests(section))
    describe('links', () => linkTests(section))
    describe('what is not ours', () => ownershipTests(section))
    describe('scope', () => scopeTests(section))
    if (section.supports.watch) describe('watch', () => watchTests(section))
    if (section.supports.externalInterface && section.supports.host)
      describe('the host', () => hostTests(section))
    describe('preflight, abort and dispose', () => lifetimeTests(section))
  })
}
