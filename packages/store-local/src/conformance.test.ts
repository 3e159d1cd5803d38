import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock, subnetManagerSuite } from '@selvedge/conformance'
import { describe, it } from 'vitest'
import { putRecord } from './lease-records.js'
import { shareDatabase } from './lmdb/share.js'
import { LocalSubnetManager } from './manager.js'

const leaseTermMs = 60_000

subnetManagerSuite(
  { describe, it },
  {
    async setup(config) {
      const folder = await mkdtemp(join(tmpdir(), 'slv-local-'))
      const path = join(folder, 'leases.mdb')
      const clock = new FakeClock()
      const connect = () => new LocalSubnetManager({ path, config, leaseTermMs, clock })
      const asAdministrator = async (work: (manager: LocalSubnetManager) => Promise<unknown>) => {
        await using manager = connect()
        await work(manager)
      }
      return {
        folder,
        connect,
        setNetworkConfig: (next) => asAdministrator((manager) => manager.setNetworkConfig(next)),
        reserve: (lease) => asAdministrator((manager) => manager.reserve(lease)),
        advance: (milliseconds) => clock.advance(milliseconds),
        leaseTermMs,
        async putRecord(key, value) {
          const share = await shareDatabase(path, { lockTimeoutMs: 5000 })
          await share.database.write((tables) => putRecord(tables, key, value), { lockTimeoutMs: 5000 })
          await share.release()
        },
      }
    },
    teardown: ({ folder }) => rm(folder, { recursive: true }),
    supports: { interruptions: false },
  },
)
