/** What needs no server: core, a backend and a driver on the fake kernel; the store in memory and the embedded one. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vxlan } from '@selvedge/backend-vxlan'
import {
  backendSuite,
  driverSuite,
  FakeClock,
  FakeKernel,
  masterRun,
  subnetManagerSuite,
} from '@selvedge/conformance'
import { LocalSubnetManager } from '@selvedge/store-local'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { describe, it, run } from './runner.ts'

const SEEDS = [1, 2, 3, 4, 5]

const leaseTermMs = 60_000

describe('store-memory', () =>
  subnetManagerSuite(
    { describe, it },
    {
      setup(config) {
        const clock = new FakeClock()
        const store = new MemoryStore({ config, clock, leaseTermMs })
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
  ))

describe('store-local', () =>
  subnetManagerSuite(
    { describe, it },
    {
      async setup(config) {
        const folder = await mkdtemp(join(tmpdir(), 'leases-'))
        const clock = new FakeClock()
        const connect = () =>
          new LocalSubnetManager({ path: join(folder, 'leases.mdb'), config, leaseTermMs, clock })
        const asOperator = async (work: (manager: LocalSubnetManager) => Promise<unknown>) => {
          await using manager = connect()
          await work(manager)
        }
        return {
          folder,
          connect,
          setNetworkConfig: (next) => asOperator((manager) => manager.setNetworkConfig(next)),
          reserve: (lease) => asOperator((manager) => manager.reserve(lease)),
          advance: (milliseconds) => clock.advance(milliseconds),
          leaseTermMs,
        }
      },
      teardown: ({ folder }) => rm(folder, { recursive: true }),
      supports: { foreignRecords: false, interruptions: false },
    },
  ))

describe('backend-vxlan', () => backendSuite({ describe, it }, { setup: () => vxlan() }))

function fakeHost() {
  const clock = new FakeClock()
  const kernel = new FakeKernel({
    clock,
    interfaces: [{ name: 'eth0', addresses: ['192.168.0.1/24', 'fd00::1/64'] }],
  })
  return {
    clock,
    pass: (milliseconds: number) => clock.advance(milliseconds),
    driver: () => kernel.driver(),
    run: (command: string) => kernel.run(command),
    state: () => kernel.toText(),
  }
}

describe('the fake kernel', () => {
  driverSuite({ describe, it }, { setup: fakeHost })
  for (const seed of SEEDS) it(`master test, seed ${seed}`, () => masterRun({ seed, setup: fakeHost }))
})

// One at a time: each has a fake clock of its own, and is over in an instant.
if (!(await run(1))) process.exitCode = 1
