import { setTimeout as sleep } from 'node:timers/promises'
import { IN_SYNC } from './agent.js'
import { StoreLab } from './store/lab.js'
import { STORE_NAMES } from './store/server.js'

/** What an agent costs that watches so many leases, none of which changes. */
export interface StoreRest {
  readonly peers: number
  /** Name and version. */
  readonly store: string
  /** Of one core, 0 to 1. */
  readonly cpuShare: number
  /** Resident memory at the end, in bytes. */
  readonly memory: number
}

/** Until what a start has left to do is done. */
const SETTLE_MS = 15_000
const REST_MS = 60_000

/** The stores at the same time, each with an agent; etcd first. */
export async function measureStoreRest(peers: number, signal: AbortSignal): Promise<readonly StoreRest[]> {
  await using lab = await StoreLab.create(STORE_NAMES, peers, signal)
  const agents = lab.networks.map((network) => network.startAgent())
  for (const agent of agents) await agent.logged(IN_SYNC)
  await sleep(SETTLE_MS, undefined, { signal })
  const before = await Promise.all(agents.map((agent) => agent.cost()))
  await sleep(REST_MS, undefined, { signal })
  const after = await Promise.all(agents.map((agent) => agent.cost()))
  for (const agent of agents) await agent.stop()
  return lab.networks.map(({ title }, index) => ({
    peers,
    store: title,
    cpuShare: ((after[index]?.cpuMs ?? Number.NaN) - (before[index]?.cpuMs ?? Number.NaN)) / REST_MS,
    memory: after[index]?.memory ?? Number.NaN,
  }))
}
