import type { Host } from '@selvedge/lab'
import { measureBatch } from './batch.js'
import { EtcdLab } from './etcd-lab.js'
import { median } from './median.js'
import { peerLeases } from './peers.js'

/** What it takes an agent to join a network of so many leases in etcd: medians over its starts. Milliseconds and bytes. */
export interface EtcdStart {
  readonly peers: number
  readonly starts: number
  /** From the start of the process until subnet.env is written. */
  readonly subnetEnv: number
  /** From the start of the process until the kernel holds everything. */
  readonly converged: number
  readonly cpu: number
  readonly peakMemory: number
  /** What `ip -batch` and `bridge -batch` take for the same entries, without any etcd. */
  readonly batch: number
}

/** So many starts take up to half a minute. */
const startsWith = (peers: number): number => (peers <= 5_000 ? 7 : peers <= 20_000 ? 3 : 1)

export async function measureEtcdStart(peers: number, signal: AbortSignal): Promise<EtcdStart> {
  await using lab = await EtcdLab.create(peers, signal)
  const starts: Omit<EtcdStart, 'peers' | 'starts' | 'batch'>[] = []
  while (starts.length < startsWith(peers)) {
    const agent = lab.startAgent()
    const subnetEnv = await agent.said('subnet.env is written')
    const converged = await agent.said('in sync')
    starts.push({ subnetEnv, converged, ...(await agent.cost()) })
    await checkKernel(lab.host, peers)
    await agent.stop()
    await lab.forgetAgent()
  }
  const middle = (name: 'subnetEnv' | 'converged' | 'cpu' | 'peakMemory') =>
    median(starts.map((start) => start[name]))
  return {
    peers,
    starts: starts.length,
    subnetEnv: middle('subnetEnv'),
    converged: middle('converged'),
    cpu: middle('cpu'),
    peakMemory: middle('peakMemory'),
    batch: await measureBatch(lab.host, lab.directory, peerLeases(peers)),
  }
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
