import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { IN_SYNC } from './agent.js'
import { StoreLab, type StoreNetwork } from './store/lab.js'
import { STORE_NAMES } from './store/server.js'
import type { RequestCounts } from './store/types.js'

/** One agent's requests to a store from its start until it is in sync, and watches the leases. */
export interface StoreJoin {
  readonly peers: number
  /** Name and version. */
  readonly store: string
  /** By kind, as the store calls them. */
  readonly requests: RequestCounts
}

/** After it is in sync: it reports what it has listed, and then opens its watch. */
const WATCHES_MS = 1_000

/** Each store; etcd first. */
export async function measureStoreJoin(peers: number, signal: AbortSignal): Promise<readonly StoreJoin[]> {
  await using lab = await StoreLab.create(STORE_NAMES, peers, signal)
  const joins: StoreJoin[] = []
  for (const network of lab.networks) {
    joins.push({ peers, store: network.title, requests: await requestsOfJoin(network) })
  }
  return joins
}

async function requestsOfJoin(network: StoreNetwork): Promise<RequestCounts> {
  const client = network.startClient('requests')
  client.stderr.pipe(process.stderr)
  const lines = createInterface(client.stdout)
  await once(lines, 'line')
  const agent = network.startAgent()
  await agent.logged(IN_SYNC)
  await sleep(WATCHES_MS)
  const printed = once(lines, 'line')
  client.kill('SIGUSR2')
  const [text] = await printed
  await agent.stop()
  const counts = Object.entries(JSON.parse(text) as RequestCounts)
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}
