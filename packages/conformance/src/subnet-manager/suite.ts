import type { Runner } from '../runner.js'
import { acquireSection } from './acquire.js'
import { administrationSection } from './administration.js'
import { cancellationSection } from './cancellation.js'
import { conditionalConfigSection } from './conditional-config.js'
import { familySection } from './families.js'
import { type Section, TestStore } from './fixture.js'
import { lifetimeSection } from './lifetime.js'
import { endSection } from './renew-and-release.js'
import type { StoreUnderTest, SubnetManagerSuiteOptions } from './types.js'
import { watchSection } from './watch.js'

/**
 * Proves that a store keeps every promise of `SubnetManager`:
 *
 * ```ts
 * import { describe, it } from 'node:test'
 * subnetManagerSuite({ describe, it }, { setup: (config) => …, supports: { reservations: false } })
 * ```
 */
export function subnetManagerSuite<Store extends StoreUnderTest>(
  { describe, it }: Runner,
  options: SubnetManagerSuiteOptions<Store>,
): void {
  const section: Section = {
    supports: {
      allocation: true,
      expiry: true,
      reservations: true,
      administration: true,
      conditionalConfig: true,
      cancellation: true,
      configChanges: true,
      ipv6: true,
      foreignRecords: true,
      versions: true,
      interruptions: true,
      ...options.supports,
    },
    test: (name, config, body, use = { expires: false }) => {
      it(name, async () => {
        await using store = await TestStore.setUp(options, config, use)
        await body(store)
      })
    },
  }
  describe('SubnetManager', () => {
    describe('acquireLease', () => acquireSection(section))
    describe('renewLease and releaseLease', () => endSection(section))
    describe('watchLeases', () => watchSection(section))
    describe('config, abort and dispose', () => lifetimeSection(section))
    if (section.supports.administration) {
      describe('administration', () => {
        administrationSection(section)
        if (section.supports.conditionalConfig) conditionalConfigSection(section)
        if (section.supports.cancellation) cancellationSection(section)
      })
    }
    if (section.supports.ipv6) describe('IPv6', () => familySection(section))
  })
}
