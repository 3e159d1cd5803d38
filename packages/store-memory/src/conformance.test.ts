import { FakeClock, subnetManagerSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { MemorySubnetManager } from './manager.js'
import { MemoryStore } from './store.js'

const leaseTermMs = 60_000

subnetManagerSuite(
  { describe, it },
  {
    setup(config) {
      const clock = new FakeClock()
      const store = new MemoryStore({ config, leaseTermMs, clock })
      return {
        connect: () => new MemorySubnetManager(store),
        setNetworkConfig: (next) => store.setNetworkConfig(next),
        reserve: (lease) => store.reserve(lease),
        advance: (milliseconds) => clock.advance(milliseconds),
        leaseTermMs,
      }
    },
    supports: { foreignRecords: false, interruptions: false },
  },
)
