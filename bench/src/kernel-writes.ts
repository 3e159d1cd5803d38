import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { vxlan } from '@selvedge/backend-vxlan'
import { baseAddress, createOverlay, type Lease, type SyncReport } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { type Host, Lab } from '@selvedge/lab'
import { OneSnapshot } from './one-snapshot.js'
import { peerLeases } from './peers.js'

/** Milliseconds that writing a neighbour, a forwarding entry and a route for each of so many peers took. */
export interface KernelWrites {
  readonly peers: number
  /** In a process that does this for the first time, as an agent that starts does. */
  readonly selvedge: number
  /** `ip -batch` for neighbours and routes, `bridge -batch` for forwarding entries; the sum of the three. */
  readonly batch: number
}

/** One run, with the two side by side, each on a host of its own. */
export async function measureKernelWrites(peers: number, signal: AbortSignal): Promise<KernelWrites> {
  await using lab = await Lab.create({ hosts: 2, signal })
  const leases = peerLeases(peers)
  return {
    peers,
    selvedge: await bySelvedge(lab.host(0), leases),
    batch: await byBatch(lab.host(1), lab.directory, leases),
  }
}

async function bySelvedge({ namespace }: Host, leases: readonly Lease[]): Promise<number> {
  await using overlay = createOverlay({
    subnets: new OneSnapshot(leases),
    backend: vxlan(),
    drivers: [linux({ namespace: `/run/netns/${namespace}` })],
  })
  const failed = once(overlay, 'error').then(([error]) => Promise.reject(error))
  await overlay.start()
  const [report] = (await Promise.race([once(overlay, 'sync'), failed])) as [SyncReport]
  await Promise.race([overlay.whenInSync(), failed])
  if (report.put !== 3 * leases.length)
    throw new Error(`wrote ${report.put} entries, not ${3 * leases.length}`)
  return report.duration
}

async function byBatch(host: Host, directory: string, leases: readonly Lease[]): Promise<number> {
  const [address = ''] = host.addresses
  await host.ipBatch([
    `link add flannel.1 type vxlan id 1 dstport 8472 local ${address} dev eth0 nolearning`,
    'link set flannel.1 up',
  ])
  const vtep = ({ attributes }: Lease) => (attributes.backendData as { readonly VtepMAC: string }).VtepMAC
  const base = ({ subnet = '' }: Lease) => baseAddress(subnet)
  const batches: [command: string, line: (lease: Lease) => string][] = [
    ['ip', (lease) => `neigh replace ${base(lease)} lladdr ${vtep(lease)} dev flannel.1 nud permanent`],
    [
      'bridge',
      (lease) => `fdb replace ${vtep(lease)} dev flannel.1 dst ${lease.attributes.publicIp} self permanent`,
    ],
    ['ip', (lease) => `route replace ${lease.subnet} via ${base(lease)} dev flannel.1 onlink`],
  ]
  let sum = 0
  for (const [command, line] of batches) {
    const file = join(directory, 'batch')
    await writeFile(file, `${leases.map(line).join('\n')}\n`)
    const startedAt = performance.now()
    await host.exec(command, ['-batch', file], { timeout: 180_000 })
    sum += performance.now() - startedAt
    await rm(file)
  }
  return sum
}
