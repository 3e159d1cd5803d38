/**
 * Copies a running cluster's leases from a file to etcd, so that its nodes can move there one after the other without
 * losing a packet: see docs/moving-a-cluster.md. Run it again for nodes that joined meanwhile; what has moved stays.
 *
 *     node examples/dist/move.js /var/lib/overlay/leases http://10.0.0.5:2379
 */
import { fileURLToPath } from 'node:url'
import { vxlan } from '@selvedge/backend-vxlan'
import { type CopyReport, copyLeases, networkConfigJson } from '@selvedge/core'
import { EtcdSubnetManager } from '@selvedge/store-etcd'
import { LocalSubnetManager } from '@selvedge/store-local'
import { FleetSubnetManager, readFleet } from './fleet.js'

export async function move(path: string, endpoint: string): Promise<CopyReport> {
  const missing = new AbortController()
  const from = path.endsWith('.json')
    ? new FleetSubnetManager(await readFleet(path, vxlan()))
    : new LocalSubnetManager({ path })
  const to = new EtcdSubnetManager({
    endpoints: [endpoint],
    onWaiting: ({ code }) => void (code === 'CONFIG_NOT_FOUND' && missing.abort()),
  })
  try {
    const config = networkConfigJson(await from.getNetworkConfig({ signal: AbortSignal.timeout(5_000) }))
    try {
      await to.getNetworkConfig({ signal: missing.signal })
    } catch (error) {
      if (!missing.signal.aborted) throw error
      await to.setNetworkConfig(config)
    }
    return await copyLeases(from, to)
  } finally {
    await Promise.all([from[Symbol.asyncDispose](), to[Symbol.asyncDispose]()])
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , path, endpoint] = process.argv
  if (path === undefined || endpoint === undefined) throw new Error('usage: move.js FILE ETCD-ENDPOINT')
  const { copied, reserved, present } = await move(path, endpoint)
  console.log(`${copied.length} leases copied, ${reserved.length} reserved, ${present.length} there already`)
}
