import { measureBatch } from './batch.js'
import { KubeLab } from './kube-lab.js'
import { peerLeases } from './peers.js'
import { measureStarts, type Starts } from './starts.js'

/** What it takes an agent to join a cluster of so many other nodes. */
export interface KubeStart {
  readonly peers: number
  /** The size of one node as the API server returns it, in bytes of JSON. */
  readonly nodeSize: number
  /** With the service account of its pod. */
  readonly pod: Starts
  readonly kubeconfig: Starts
  /** What `ip -batch` and `bridge -batch` take for the same entries, without any store. Milliseconds. */
  readonly batch: number
}

export async function measureKubeStart(peers: number, signal: AbortSignal): Promise<KubeStart> {
  await using lab = await KubeLab.create(peers, signal)
  const ways = [() => lab.startPod(), () => lab.startWithKubeconfig()]
  const measured = await measureStarts(
    peers,
    ways.map((start) => ({ network: lab, start })),
  )
  const [pod, kubeconfig] = measured as readonly [Starts, Starts]
  const batch = await measureBatch(lab.host, lab.directory, peerLeases(peers))
  return { peers, nodeSize: lab.nodeSize, pod, kubeconfig, batch }
}
