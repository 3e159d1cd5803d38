/**
 * An edge host that needs no cluster: its network is a file that all hosts have (`fleet.ts`). It boots with nothing, as
 * `edge.ts` does, and moves to etcd later, by `move.ts` and `edge.ts`: see docs/guides/without-a-cluster.md.
 *
 *     node examples/dist/bootstrap.js /etc/edge/fleet.json /var/lib/edge/leases /run/edge/subnet.env
 */
import { fileURLToPath } from 'node:url'
import { vxlan } from '@selvedge/backend-vxlan'
import { linux } from '@selvedge/dataplane-linux'
import { edge } from './edge.js'
import { FleetSubnetManager, followFleet, readFleet } from './fleet.js'

export async function bootstrap(fleetFile: string, cacheFile: string, subnetFile: string): Promise<void> {
  const end = new AbortController()
  process.once('SIGTERM', () => end.abort())
  const backend = vxlan()
  const store = await readFleet(fleetFile, backend)
  const following = followFleet(store, fleetFile, backend, end.signal).catch(() => end.abort())
  const parts = { subnets: new FleetSubnetManager(store), backend, drivers: [linux()] }
  await edge(end, { ...parts, store: fleetFile, cacheFile, subnetFile, log: console.error })
  end.abort()
  await following
}

const [, program, ...files] = process.argv
if (program === fileURLToPath(import.meta.url)) {
  const [fleetFile = '', cacheFile = '', subnetFile = ''] = files
  await bootstrap(fleetFile, cacheFile, subnetFile)
}
