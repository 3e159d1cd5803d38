import { FakeClock, subnetManagerSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { MemoryStore } from './memory-store.js'
import { MemorySubnetManager } from './memory-subnet-manager.js'

const leaseTerm = 60_000

subnetManagerSuite(
  { describe, it },
  {
    setup(config) {
      const clock = new FakeClock()
      const store = new MemoryStore({ config, leaseTerm, clock })
      return {
        connect: () => new MemorySubnetManager(store),
        setNetworkConfig: (next) => store.setNetworkConfig(next),
        reserve: (lease) => store.reserve(lease),
        advance: (milliseconds) => clock.advance(milliseconds),
        leaseTerm,
      }
    },
    supports: { foreignRecords: false, interruptions: false },
  },
)
