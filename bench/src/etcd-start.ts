import type { Host } from '@selvedge/lab'
import { EtcdLab } from './etcd-lab.js'

/** What it takes an agent to start on an etcd with so many leases. Milliseconds and bytes. */
export interface EtcdStart {
  readonly peers: number
  /** From the start of the process until subnet.env is written. */
  readonly subnetEnv: number
  /** From the start of the process until the kernel holds everything. */
  readonly converged: number
  readonly cpu: number
  readonly peakMemory: number
}

export async function measureEtcdStart(peers: number, signal: AbortSignal): Promise<EtcdStart> {
  await using lab = await EtcdLab.create(peers, signal)
  const agent = lab.startAgent()
  const subnetEnv = await agent.said('subnet.env is written')
  const converged = await agent.said('in sync')
  const cost = await agent.cost()
  await checkKernel(lab.host, peers)
  await agent.stop()
  return { peers, subnetEnv, converged, ...cost }
}

/** The agent's word is not enough: `ip` and `bridge` must find every peer. */
async function checkKernel(host: Host, peers: number): Promise<void> {
  const counts = await host.exec('sh', [
    '-ec',
    'ip route show dev flannel.1 | wc -l; ip neigh show dev flannel.1 nud permanent | wc -l; bridge fdb show dev flannel.1 | wc -l',
  ])
  for (const count of counts.trim().split('\n')) {
    if (Number(count) !== peers)
      throw new Error(
        `the kernel holds ${counts.trim().replaceAll('\n', ', ')} entries, not ${peers} of each`,
      )
  }
}
