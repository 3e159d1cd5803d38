import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lease } from '@selvedge/core'
import { baseAddress } from '@selvedge/core/kit'
import type { Host } from '@selvedge/lab'

/**
 * Milliseconds that `ip -batch` for neighbours and routes and `bridge -batch` for fdb entries take for the same
 * entries as selvedge writes; the sum of the three. Leaves the host as it was.
 */
export async function measureBatch(host: Host, directory: string, leases: readonly Lease[]): Promise<number> {
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
    await host.exec(command, ['-batch', file], { timeoutMs: 600_000 })
    sum += performance.now() - startedAt
    await rm(file)
  }
  await host.exec('ip', ['link', 'del', 'flannel.1'], { timeoutMs: 600_000 })
  return sum
}
