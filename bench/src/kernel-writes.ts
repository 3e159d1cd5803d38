import { vxlan } from '@selvedge/backend-vxlan'
import { createOverlay, type Lease } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { type Host, Lab } from '@selvedge/lab'
import { measureBatch } from './batch.js'
import { median } from './median.js'
import { OneSnapshot } from './one-snapshot.js'
import { peerLeases } from './peers.js'

/** How long it takes to write a neighbour, an fdb entry and a route for each peer. Milliseconds. */
export interface KernelWrites {
  readonly peers: number
  /** In a process that does this for the first time, as an agent does at its start. */
  readonly first: number
  /** Again in that process, with its code compiled: the median of three. */
  readonly again: number
  readonly batch: number
}

/** All side by side, each on a host of its own. */
export async function measureKernelWrites(peers: number, signal: AbortSignal): Promise<KernelWrites> {
  await using lab = await Lab.create({ hosts: 5, signal })
  const leases = peerLeases(peers)
  const [first = Number.NaN, ...again] = [
    await bySelvedge(lab.host(0), leases),
    await bySelvedge(lab.host(1), leases),
    await bySelvedge(lab.host(2), leases),
    await bySelvedge(lab.host(3), leases),
  ]
  return {
    peers,
    first,
    again: median(again),
    batch: await measureBatch(lab.host(4), lab.directory, leases),
  }
}

async function bySelvedge({ namespace }: Host, leases: readonly Lease[]): Promise<number> {
  await using overlay = createOverlay({
    subnets: new OneSnapshot(leases),
    backend: vxlan(),
    drivers: [linux({ namespace: `/run/netns/${namespace}` })],
  })
  const failed = new Promise<never>((_resolve, reject) => overlay.once('error', reject))
  await overlay.start()
  const peersWritten = overlay.watch('sync').next()
  const { value: report } = await Promise.race([peersWritten, failed])
  await Promise.race([overlay.whenInSync(), failed])
  if (report?.put !== 3 * leases.length)
    throw new Error(`wrote ${report?.put} entries, not ${3 * leases.length}`)
  return report.durationMs
}
