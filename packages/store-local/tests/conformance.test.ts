import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock, type StoreUnderTest, subnetManagerSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { Database } from '../src/database.js'
import { putRecord } from '../src/lease-records.js'
import { LocalSubnetManager } from '../src/local-subnet-manager.js'

const leaseTerm = 60_000
const folders = new WeakMap<StoreUnderTest, string>()

subnetManagerSuite(
  { describe, it },
  {
    async setup(config) {
      const folder = await mkdtemp(join(tmpdir(), 'slv-local-'))
      const path = join(folder, 'leases.mdb')
      const clock = new FakeClock()
      const connect = () => new LocalSubnetManager({ path, config, leaseTerm, clock })
      const asAdministrator = async (work: (manager: LocalSubnetManager) => Promise<unknown>) => {
        await using manager = connect()
        await work(manager)
      }
      const store: StoreUnderTest = {
        connect,
        setNetworkConfig: (next) => asAdministrator((manager) => manager.setNetworkConfig(next)),
        reserve: (lease) => asAdministrator((manager) => manager.reserve(lease)),
        advance: (milliseconds) => clock.advance(milliseconds),
        leaseTerm,
        async putRecord(key, value) {
          const { signal } = new AbortController()
          const database = await Database.open({ path, lockTimeout: 5000, signal })
          await database.write((tables) => putRecord(tables, key, value), signal)
          await database.close()
        },
      }
      folders.set(store, folder)
      return store
    },
    async teardown(store) {
      await rm(folders.get(store) ?? '', { recursive: true })
    },
    supports: { interruptions: false },
  },
)
