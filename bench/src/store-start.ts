import { measureBatch } from './batch.js'
import { peerLeases } from './peers.js'
import { measureStarts, type Starts } from './starts.js'
import { StoreLab } from './store/lab.js'
import { STORE_NAMES } from './store/server.js'

/** What it takes an agent to join a network of so many leases in a store. */
export interface StoreStart extends Starts {
  readonly peers: number
  /** Name and version. */
  readonly store: string
  /** What `ip -batch` and `bridge -batch` take for the same entries, without any store. Milliseconds. */
  readonly batch: number
}

/** The stores in turn; etcd first. */
export async function measureStoreStart(peers: number, signal: AbortSignal): Promise<readonly StoreStart[]> {
  await using lab = await StoreLab.create(STORE_NAMES, peers, signal)
  const ways = lab.networks.map((network) => ({ network, start: () => network.startAgent() }))
  const measured = await measureStarts(peers, ways)
  const { host, directory } = lab.network
  const batch = await measureBatch(host, directory, peerLeases(peers))
  return measured.map((starts, way) => ({ peers, store: lab.networks[way]?.title ?? '', ...starts, batch }))
}
