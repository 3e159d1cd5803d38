import { IN_SYNC } from './agent.js'
import { EtcdLab } from './etcd-lab.js'

/** One agent's requests to etcd from its start until it is in sync, by gRPC method. */
export interface EtcdJoin {
  readonly peers: number
  readonly requests: Readonly<Record<string, number>>
}

export async function measureEtcdJoin(peers: number, signal: AbortSignal): Promise<EtcdJoin> {
  await using lab = await EtcdLab.create(peers, signal)
  const before = await lab.client<Record<string, number>>('requests')
  const agent = lab.startAgent()
  await agent.logged(IN_SYNC)
  const after = await lab.client<Record<string, number>>('requests')
  await agent.stop()
  const requests = Object.entries(after).map(
    ([method, count]) => [method, count - (before[method] ?? 0)] as const,
  )
  return { peers, requests: Object.fromEntries(requests.filter(([, count]) => count > 0)) }
}
