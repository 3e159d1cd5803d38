import { measureBatch } from './batch.js'
import { EtcdLab } from './etcd-lab.js'
import { peerLeases } from './peers.js'
import { measureStarts, type Starts } from './starts.js'

/** What it takes an agent to join a network of so many leases in etcd. */
export interface EtcdStart extends Starts {
  readonly peers: number
  /** What `ip -batch` and `bridge -batch` take for the same entries, without any etcd. Milliseconds. */
  readonly batch: number
}

export async function measureEtcdStart(peers: number, signal: AbortSignal): Promise<EtcdStart> {
  await using lab = await EtcdLab.create(peers, signal)
  const { agent } = await measureStarts(lab, peers, { agent: () => lab.startAgent() })
  return { peers, ...agent, batch: await measureBatch(lab.host, lab.directory, peerLeases(peers)) }
}
